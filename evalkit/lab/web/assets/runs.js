/* The list of runs: columns, selection, and the list made again when something changed. */
import { announce } from "./lab.js";

const page = document;
const list = () => page.getElementById("runs");

/* --- columns: remembered in this browser --- */

const boxes = [...page.querySelectorAll("[data-column]")];
function hiddenColumns() {
  try { return (localStorage.getItem("evalkit-columns-off") ?? "").split(" ").filter(Boolean); } catch { return []; }
}
function showColumns() { page.querySelector("table.runs")?.setAttribute("data-off", hiddenColumns().join(" ")); }
for (const box of boxes) {
  box.checked = !hiddenColumns().includes(box.dataset.column);
  box.addEventListener("change", () => {
    const off = boxes.filter((each) => !each.checked).map((each) => each.dataset.column);
    try { localStorage.setItem("evalkit-columns-off", off.join(" ")); } catch { /* until the page is left */ }
    showColumns();
  });
}

/* --- selection: up to two runs, for a comparison from the older one to the newer one --- */

let selected = [];
const began = new Map();
const compare = page.getElementById("compare");
function showSelection() {
  for (const box of page.querySelectorAll(".pick input")) box.checked = selected.includes(box.value);
  compare.hidden = selected.length === 0;
  compare.setAttribute("aria-disabled", String(selected.length < 2));
  compare.textContent = selected.length < 2 ? "Compare: select one more" : "Compare 2 runs";
  compare.classList.toggle("primary", selected.length === 2);
  const [a, b] = selected.toSorted((one, other) => began.get(one).localeCompare(began.get(other)));
  compare.href = selected.length === 2 ? `/ui/compare?a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}` : "#runs";
}
page.addEventListener("change", (event) => {
  if (!event.target.matches(".pick input")) return;
  const { value, checked, dataset } = event.target;
  began.set(value, dataset.began);
  selected = selected.filter((id) => id !== value);
  if (checked) selected = [...selected, value].slice(-2);
  showSelection();
});
page.addEventListener("keydown", (event) => {
  if (event.key !== "x" || event.target.closest("input, select, textarea")) return;
  page.activeElement.closest("tr")?.querySelector(".pick input")?.click();
});

/* --- the picture: of the runs that the list has --- */

const pictureSwitch = page.getElementById("picture-switch");
const isPictured = () => pictureSwitch.getAttribute("aria-expanded") === "true";
async function drawPicture() {
  await htmx.ajax("GET", `/ui/over-time${location.search}`, { target: "#picture", swap: "outerHTML", source: "#picture" });
}
pictureSwitch.addEventListener("click", () => {
  pictureSwitch.setAttribute("aria-expanded", String(!isPictured()));
  if (isPictured()) drawPicture();
  else page.getElementById("picture").replaceChildren();
});
page.addEventListener("htmx:after:history:push", () => { if (isPictured()) drawPicture(); });

/* --- anew, when something changed: the lab tells when its index has --- */

let asking = false;
let again = false;
async function refresh() {
  if (page.hidden) return;
  if (asking) { again = true; return; }
  asking = true;
  try {
    await Promise.all([
      htmx.ajax("GET", "/ui/running", { target: "#running", swap: "outerMorph", source: "#running" }),
      htmx.ajax("GET", location.pathname + location.search, { target: "#runs", swap: "outerMorph", source: "#runs" }),
    ]);
  } finally {
    asking = false;
  }
  if (again) { again = false; setTimeout(refresh, 500); }
}

page.addEventListener("live:indexed", ({ detail }) => {
  if (String(detail.version) !== list().dataset.changed) refresh();
});
setInterval(() => { // what is no change of the index
  if (list().hasAttribute("data-reading") || page.querySelector("#running[data-waiting]")) refresh();
}, 1500);
page.addEventListener("lab:sent", refresh);
page.addEventListener("visibilitychange", () => { if (!page.hidden) refresh(); });

page.addEventListener("htmx:after:swap", (event) => {
  showColumns();
  showSelection();
  if (event.target?.id === "filter") announce(`${list().dataset.total} runs`);
});
showColumns();
