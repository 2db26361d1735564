// Charts by uPlot from data that stands in the page as JSON, drawn again when the theme or the width changes.
function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

const shown = new WeakMap();
function draw(place) {
  const told = JSON.parse(document.getElementById(place.dataset.of).textContent);
  shown.get(place)?.destroy();
  place.replaceChildren();
  const axis = { stroke: colour("--ink-3"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  const series = told.series.map((each) => ({
    label: each.label, width: 2, dash: each.dash, paths: each.steps ? uPlot.paths.stepped({ align: 1 }) : undefined,
    stroke: colour(each.colour), fill: each.fill ? `${colour(each.colour)}22` : undefined, points: { show: false },
    value: (_, value) => (value == null ? "" : money(value, told)),
  }));
  const options = {
    width: place.clientWidth, height: told.height ?? 280, cursor: { y: false }, legend: { live: true },
    scales: { x: { time: told.time !== false }, y: { range: (_, low, high) => [Math.min(0, low), high * 1.05 || 1] } },
    axes: [axis, { ...axis, size: 76, values: (_, values) => values.map((value) => money(value, told)) }],
    series: [told.time === false ? { label: told.x } : {}, ...series],
  };
  shown.set(place, new uPlot(options, told.data, place));
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
