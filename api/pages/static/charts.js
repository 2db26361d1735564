// Charts by uPlot from data that stands in the page as JSON, drawn again when the theme or the width changes.
function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

const shown = new WeakMap();
function draw(place) {
  const told = JSON.parse(document.getElementById(place.dataset.of).textContent);
  shown.get(place)?.destroy();
  place.replaceChildren();
  const axis = { stroke: colour("--ink-3"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  const series = told.series.map((each, n) => ({
    label: each.label, width: 2, dash: each.dash, paths: paths(each, n),
    stroke: colour(each.colour), fill: each.fill ? `${colour(each.colour)}22` : undefined, points: { show: false },
    value: (_, value) => (value == null ? "" : money(value, told)),
  }));
  // Places 0, 1, ... with a label each; of many only those for which there is room.
  const named = told.labels && {
    splits: (_, __, low, high) => told.labels.map((_, n) => n).filter((n) => n >= low && n <= high && n % Math.ceil(told.labels.length * 90 / place.clientWidth) === 0),
    values: (_, splits) => splits.map((n) => told.labels[n]?.slice(0, 14) ?? ""),
  };
  const wide = told.series.some((each) => each.bars);
  const options = {
    width: place.clientWidth, height: told.height ?? 280, cursor: { y: false }, legend: { live: true },
    scales: { x: { time: told.time !== false, range: wide ? () => [-0.6, told.labels.length - 0.4] : undefined }, y: { range: (_, low, high) => [Math.min(0, low), high * 1.05 || 1] } },
    axes: [{ ...axis, ...named }, { ...axis, size: 76, values: (_, values) => values.map((value) => money(value, told)) }],
    series: [told.time === false ? { label: told.x, value: (_, n) => told.labels?.[n] ?? n } : {}, ...series],
  };
  shown.set(place, new uPlot(options, told.data, place));
}

// One bar in its middle; of two the first left and the second right of it; more are lines.
function paths(each, n) {
  if (each.steps) return uPlot.paths.stepped({ align: 1 });
  if (each.bars === 1) return uPlot.paths.bars({ size: [0.6, 64] });
  if (each.bars === 2) return uPlot.paths.bars({ size: [0.35, 40], align: n ? 1 : -1 });
  return undefined;
}

function money(value, told) {
  if (!told.currency) return `${value}${told.unit ?? ""}`;
  return new Intl.NumberFormat(undefined, {
    style: "currency", currency: told.currency, maximumFractionDigits: 0, notation: Math.abs(value) >= 1e6 ? "compact" : "standard",
  }).format(value);
}

const places = () => document.querySelectorAll(".chart[data-of]");
const all = () => places().forEach(draw);
all();
let due = 0;
document.addEventListener("htmx:after:swap", () => places().forEach((place) => { if (!shown.has(place)) draw(place); }));
const soon = () => { clearTimeout(due); due = setTimeout(all, 120); };
addEventListener("resize", soon);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
new MutationObserver(all).observe(document.documentElement, { attributeFilter: ["data-theme"] });
