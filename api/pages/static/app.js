// What the pages need beyond htmx: theme, menu, times in the reader's zone, live parts, dialogs, hashes.
const root = document.documentElement;

function toggleTheme() {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* for this page only */ }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  const what = button.dataset.do;
  if (what === "theme") toggleTheme();
  if (what === "print") print();
  if (what === "menu") {
    const side = button.closest(".side");
    const open = side.toggleAttribute("data-open");
    button.setAttribute("aria-expanded", String(open));
  }
  if (what === "dialog") document.getElementById(button.dataset.of)?.showModal();
  if (what === "close") button.closest("dialog")?.close();
  if (what === "hash") checkHash(button);
  if (what === "copy") navigator.clipboard?.writeText(button.dataset.text).then(() => say("Copied"));
});

// A form that writes is sent once: its button waits for the answer.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.target.method === "post" && button) setTimeout(() => { button.disabled = true; });
});

// "/" goes to the search, j and k through the rows.
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, textarea, dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    const search = document.querySelector("input[type=search]");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
  }
  if (event.key === "j" || event.key === "k") {
    const links = [...document.querySelectorAll("[data-row]")];
    const at = links.indexOf(document.activeElement);
    const next = links[event.key === "j" ? at + 1 : Math.max(0, at - 1)];
    if (next) { event.preventDefault(); next.focus(); }
  }
});

const near = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const far = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
function localTimes(within) {
  for (const each of within.querySelectorAll("time[datetime]:not([data-local])")) {
    const at = new Date(each.dateTime);
    if (Number.isNaN(at.valueOf()) || !each.dateTime.includes("T")) continue;
    each.dataset.local = "";
    each.title = full.format(at);
    each.textContent = Math.abs(Date.now() - at) < 300 * 864e5 ? near.format(at) : far.format(at);
  }
}

function say(words) {
  const place = document.getElementById("status");
  if (place) place.textContent = words;
}

// "Check it yourself": SHA-256 over the record exactly as it is shown, here in the browser.
async function checkHash(button) {
  const record = document.getElementById(button.dataset.of);
  const answer = document.getElementById(button.dataset.answer);
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(record.textContent));
  const hex = [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const same = hex === button.dataset.hash;
  answer.className = same ? "note good" : "note bad";
  answer.textContent = same
    ? `The same. Your browser computed ${hex} from the record below.`
    : `Not the same: your browser computed ${hex}.`;
}

// Live parts: one stream says that something of the organization has moved, and up to where in each partition of the
// log. The page asks for itself again at these positions and htmx morphs what differs, so that neither focus nor
// scrolling is lost. The server says it at most once a second; while one refresh is under way the next one waits.
// A page that many look at is sent its part instead, drawn once for all of them. Nothing is heard while nobody looks.
function live() {
  const part = document.querySelector("[data-live]");
  if (!part || !window.EventSource) return;
  const source = new EventSource(part.dataset.live);
  const lamp = document.getElementById("lamp");
  const newest = new Map();
  let busy = false;
  const refresh = async () => {
    if (busy || document.hidden || !newest.size) return;
    busy = true;
    const address = new URL(location.href);
    address.searchParams.delete("done");
    address.searchParams.set("at", [...newest.values()].join(","));
    newest.clear();
    try {
      await htmx.ajax("GET", address.pathname + address.search, { target: "#live", select: "#live", swap: "outerMorph", push: "false" });
    } finally {
      busy = false;
      refresh();
    }
  };
  source.addEventListener("moved", (event) => {
    for (const position of event.data.split(",")) newest.set(position.split(":")[0], position);
    refresh();
  });
  source.addEventListener("part", (event) => {
    const place = document.getElementById("live");
    if (place) htmx.swap({ sourceElement: place, target: place, text: event.data, swap: "outerMorph" });
  });
  const seen = () => {
    if (!document.hidden) { refresh(); return; }
    if (busy || newest.size) return;
    source.close();
    document.removeEventListener("visibilitychange", seen);
    document.addEventListener("visibilitychange", live, { once: true });
  };
  document.addEventListener("visibilitychange", seen);
  source.onopen = () => { if (lamp) lamp.textContent = "live"; };
  source.onerror = () => {
    if (lamp) lamp.textContent = "reconnecting";
    // An answer other than 200 ends it for good: a server that is busy now is not for ever.
    if (source.readyState === EventSource.CLOSED) setTimeout(live, 5000);
  };
  addEventListener("pagehide", () => source.close());
}

// htmx is there to swap; what it brings in gets the same care.
document.addEventListener("htmx:after:swap", () => localTimes(document));
localTimes(document);
live();
for (const each of document.querySelectorAll("dialog[data-open]")) each.showModal();
