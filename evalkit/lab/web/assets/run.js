/* A run's page: what happens as it happens, parts made again, and causes that lead to their case-trials. */
import { announce, say, showTimes } from "./lab.js";

const page = document;
const run = page.getElementById("head").dataset.run;
const base = `/ui/runs/${encodeURIComponent(run)}`;
const feed = page.getElementById("feed");
const state = page.getElementById("feed-state");
const MOST_LINES = 80;

/* --- parts made again, never more often than they can be read --- */

function again(part, url, everyMs) {
  let timer = 0;
  let asking = false;
  let asked = false;
  let last = 0;
  async function ask() {
    timer = 0;
    asking = true;
    asked = false;
    last = Date.now();
    try {
      await htmx.ajax("GET", url(), { target: part, swap: "outerMorph", source: part });
    } finally {
      asking = false;
      if (asked) later();
    }
  }
  function later() {
    asked = true;
    if (timer || asking || !page.querySelector(part)) return;
    timer = setTimeout(ask, Math.max(0, last + everyMs - Date.now()));
  }
  return later;
}
const head = again("#head", () => `${base}/head`, 1000);
const cases = again("#cases", () => `${base}${location.search}`, 1000);
const findings = again("#findings", () => `${base}/findings`, 8000);

page.addEventListener("live:indexed", () => { head(); cases(); });
page.addEventListener("htmx:after:swap", () => {
  const wasLive = Boolean(feed);
  if (page.getElementById("head")?.dataset.live === (wasLive ? "no" : "yes")) location.reload();
});

/* --- the feed --- */

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
const WORDS = {
  began: (event) => ["", `The run begins: ${event.planned} case-trials`],
  resumed: () => ["", "The run goes on"],
  started: (event) => ["", `starts${event.attempt > 1 ? `, attempt ${event.attempt}` : ""}`],
  failed: (event) => ["warn", `attempt ${event.attempt} failed: ${event.failure?.message ?? "no reason given"}${event.wait_s ? `; next try in ${event.wait_s} s` : ""}`],
  finished: (event) => [event.failure ? "bad" : "", event.failure ? `broke off: ${event.failure.message ?? ""}` : `is done${event.duration_ms ? ` in ${seconds(event.duration_ms)}` : ""}`],
  graded: (event) => [{ passed: "good", failed: "bad" }[event.ending] ?? "", event.ending ? event.ending : "is graded"],
  concurrency: (event) => ["warn", `${event.limit} at once from now on: ${event.reason ?? ""}`],
  paused: (event) => ["warn", `Waiting ${event.seconds} s for a rate limit`],
  ended: (event) => ["", `The run has ended: ${String(event.status).replaceAll("_", " ")}`],
  damaged: () => ["warn", "A line of the journal cannot be read"],
};

function line(event) {
  const [kind, words] = (WORDS[event.event] ?? (() => ["", String(event.event)]))(event);
  const item = page.createElement("li");
  item.className = `feed-line ${kind}`;
  if (event.at) {
    const time = page.createElement("time");
    time.dateTime = event.at;
    time.dataset.shown = "clock";
    item.append(time, " ");
  }
  if (event.key) {
    const link = page.createElement("a");
    link.href = `${base}/cases/${encodeURIComponent(event.key)}`;
    link.textContent = event.key;
    item.append(link, " ");
  }
  item.append(words);
  const grades = Object.entries(event.grades ?? {}).filter(([, grade]) => typeof grade === "number" && grade < 1);
  for (const [name, grade] of grades.slice(0, 3)) {
    const chip = page.createElement("span");
    chip.className = "chip low";
    chip.textContent = `${name} ${Number(grade.toFixed(3))}`;
    item.append(" ", chip);
  }
  return item;
}

page.addEventListener("live:events", ({ detail }) => {
  if (detail.run !== run && !run.startsWith(String(detail.run).slice(0, 16))) return;
  const lines = detail.events.slice(-MOST_LINES).map(line).reverse();
  if (feed) {
    feed.prepend(...lines);
    while (feed.children.length > MOST_LINES) feed.lastElementChild.remove();
    showTimes(feed);
  }
  head();
  cases();
  if (detail.events.some((event) => event.event === "graded" || event.event === "ended")) findings();
});

page.addEventListener("live:totals", ({ detail: { totals } }) => {
  if (!totals || !state) return;
  const finished = page.getElementById("finished");
  if (finished) finished.textContent = totals.finished.toLocaleString("en");
  const waits = totals.paused_until && new Date(totals.paused_until) > new Date();
  const parts = [`${totals.running} running`];
  if (totals.limit) parts.push(`at most ${totals.limit} at once`);
  if (totals.tries_failed) parts.push(`${totals.tries_failed} tries failed`);
  if (waits) parts.push(`waiting for a rate limit until ${new Date(totals.paused_until).toLocaleTimeString()}`);
  state.textContent = parts.join(" · ");
});

page.addEventListener("live:complete", ({ detail }) => {
  if (!feed) return;
  announce(`The run has ended: ${detail.status}`);
  say(`The run has ended: ${String(detail.status).replaceAll("_", " ")}.`, detail.status === "completed" ? "good" : "");
  head();
  cases();
  findings();
});
page.addEventListener("live:error", ({ detail }) => say(detail.message, "bad"));
page.addEventListener("lab:offline", () => { if (state) state.textContent = "not connected"; });

/* --- causes lead to their case-trials --- */

const form = page.getElementById("filter");
function narrow(ending, text) {
  form.elements.ending.value = ending;
  form.elements.text.value = text;
  form.requestSubmit();
  page.getElementById("cases-card").scrollIntoView();
}
const ENDINGS = { passed: "passed", "not passed": "failed", undecided: "ungraded" };
page.addEventListener("click", (event) => {
  const button = event.target.closest("[data-ending], [data-fault], [data-grader], [data-shows], [data-ending-link]");
  if (!button) return;
  const { ending, fault, grader, shows, endingLink } = button.dataset;
  if (endingLink !== undefined) { event.preventDefault(); narrow(endingLink, ""); }
  else if (ending !== undefined) {
    const [kind, whose] = ending.split(": ");
    if (kind === "lost") narrow("lost", whose);
    else if (kind === "fault") narrow("failed", whose);
    else narrow(ENDINGS[ending] ?? "", "");
  } else if (fault !== undefined) narrow(fault === "assistant" ? "failed" : "lost", fault);
  else if (grader !== undefined) narrow("failed", "");
  else {
    page.getElementById(shows).hidden = false;
    button.remove();
  }
});

page.addEventListener("htmx:after:swap", (event) => {
  if (event.target?.id === "filter") announce(`${page.getElementById("cases").dataset.total} case-trials`);
});
