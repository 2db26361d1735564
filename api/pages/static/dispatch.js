// The dispatch page: fills the form from a preset, sends it, and lights each part as its line comes in.
const form = document.getElementById("dispatch");
const lights = document.querySelectorAll(".light");
const answer = document.getElementById("answer");
const spread = document.getElementById("spread");

for (const button of document.querySelectorAll("[data-preset]")) {
  button.addEventListener("click", () => {
    const [card, merchant, mcc, wanted] = JSON.parse(button.dataset.preset);
    const option = [...form.card.options].find((each) => each.value.endsWith(`/${card}`));
    if (option) form.card.value = option.value;
    form.merchant.value = merchant;
    form.mcc.value = mcc;
    form.wanted.value = wanted;
    form.requestSubmit(form.querySelector("[value=one]"));
  });
}

const element = (name, words, className) => {
  const made = document.createElement(name);
  if (words) made.textContent = words;
  if (className) made.className = className;
  return made;
};

function light(name, ms, words, good = true) {
  const lamp = document.getElementById(`light-${name}`);
  lamp.dataset.on = good ? "yes" : "no";
  lamp.querySelector(".ms").textContent = `${Math.round(ms)} ms`;
  lamp.querySelector(".faint").textContent = words;
}

const show = {
  accepted: (told) => light("accepted", told.ms, "has an id"),
  log: (told) => light("log", told.ms, `partition ${told.partition}, offset ${told.offset}`),
  decided: (told) => {
    const good = told.outcome !== "declined";
    light("decided", told.ms, `${told.outcome.replace("_", " ")}, code ${told.code}`, good);
    answer.replaceChildren(element("h2", good ? `Approved: ${told.approved}` : "Declined"));
    for (const words of told.reasons) answer.append(element("p", words, good ? "note warn" : "note bad"));
    for (const words of told.reviews) answer.append(element("p", `To be looked at: ${words}`, "note warn"));
    if (told.would_pass) answer.append(element("p", told.would_pass));
    if (told.flagged) answer.append(element("p", `Flagged by the model: score ${told.score}`, "note warn"));
    const list = element("ul", "", "list");
    for (const words of told.balances) list.append(element("li", words, "num"));
    answer.append(list);
    const link = element("a", "See why, step by step", "button");
    link.href = told.page;
    answer.append(link);
    answer.hidden = false;
  },
  booked: (told) => light("booked", told.ms, told.entries ? `${told.entries} balanced entries` : "nothing to book"),
  stopped: (told) => { answer.replaceChildren(element("p", told.why, "note bad")); answer.hidden = false; },
};

async function one(data) {
  for (const lamp of lights) { delete lamp.dataset.on; lamp.querySelector(".ms").textContent = ""; lamp.querySelector(".faint").textContent = ""; }
  answer.hidden = true;
  const started = performance.now();
  const response = await fetch("/dispatch/send", { method: "POST", body: new URLSearchParams(data) });
  if (!response.ok) { show.stopped({ why: `Not sent: the answer was ${response.status}. Check card, merchant and amount.` }); return; }
  let rest = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) { const told = JSON.parse(line); show[told.step]?.(told); }
  }
  light("seen", performance.now() - started, "in this browser");
}

async function many(data) {
  spread.hidden = false;
  spread.querySelector("p").textContent = "1,000 purchases are under way …";
  const response = await fetch("/dispatch/burst", { method: "POST", body: new URLSearchParams(data) });
  if (!response.ok) { spread.querySelector("p").textContent = `Not sent: ${response.status}.`; return; }
  const told = await response.json();
  const outcomes = Object.entries(told.outcomes ?? {}).map(([name, count]) => `${count} ${name.replace("_", " ")}`).join(", ");
  spread.querySelector("p").textContent =
    `${told.answered} of ${told.sent} decided in ${told.seconds} s (${told.per_second}/s): ${outcomes}. p50 ${told.p50} ms, p95 ${told.p95} ms, p99 ${told.p99} ms.`;
  bars(told);
}

// One bar for each span of time; heights are attributes, which the content security policy leaves alone.
function bars(told) {
  const names = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(names, "svg");
  const most = Math.max(...told.bins);
  drawing.setAttribute("viewBox", `0 0 ${told.bins.length * 10} 100`);
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("class", "histogram");
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", `Times from 0 to ${Math.round(told.edges.at(-1))} ms`);
  told.bins.forEach((count, n) => {
    const bar = document.createElementNS(names, "rect");
    const height = (count / most) * 96;
    for (const [name, value] of Object.entries({ x: n * 10 + 1, y: 100 - height, width: 8, height })) bar.setAttribute(name, value);
    const title = document.createElementNS(names, "title");
    title.textContent = `${count} from ${told.edges[n]} ms on`;
    bar.append(title);
    drawing.append(bar);
  });
  spread.querySelector(".drawing").replaceChildren(drawing);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const buttons = document.querySelectorAll("#dispatch button, [data-preset]");
  const data = new FormData(form);
  for (const button of buttons) button.disabled = true;
  try {
    await (event.submitter?.value === "many" ? many(data) : one(data));
  } finally {
    for (const button of buttons) button.disabled = false;
  }
});
