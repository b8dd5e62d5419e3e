/* The launch page: fields become a line, the line is checked as one types, and what was launched is followed. */

import { announce, say, showTimes } from "./lab.js";

const form = document.getElementById("launch-form");
const line = document.getElementById("line");
const state = document.getElementById("check-state");
const more = document.getElementById("more");
const fields = [...form.querySelectorAll("[data-path]")];
const byPath = new Map(fields.map((field) => [field.dataset.path, field]));
const { mode, defaultMode, rerun } = form.dataset;
const token = document.querySelector('meta[name="csrf"]').content;
const asker = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16)).join("");

/* --- what the fields say, as overrides --- */

const PLAIN = /^[\w/\-+.$%*@?|:\s]*$/;
const SWEEP = /^(choice|range|interval|glob|shuffle|sort)\(/;

function quoted(text) {
  return `'${text.replace(/(\\*)'/g, "$1$1\\'").replace(/(\\+)$/, "$1$1")}'`;
}

function textValue(raw) {
  if (/^["'[]/.test(raw) || SWEEP.test(raw) || raw.startsWith("${")) return raw;
  return raw.split(",").map((part) => part.trim()).map((part) => (PLAIN.test(part) ? part : quoted(part))).join(",");
}

function valueOf(field) {
  const raw = field.value.trim();
  if ("list" in field.dataset) return raw === "" || /^["'[]/.test(raw) || SWEEP.test(raw) ? raw : `[${raw}]`;
  return "text" in field.dataset ? textValue(raw) : raw;
}

function isSweep(word) {
  const value = word.slice(word.indexOf("=") + 1);
  if (SWEEP.test(value)) return true;
  let rest = value.replace(/'(\\.|[^'\\])*'|"(\\.|[^"\\])*"/g, "");
  for (let before = ""; before !== rest;) { before = rest; rest = rest.replace(/\[[^[\]]*\]|\{[^{}]*\}|\([^()]*\)/g, ""); }
  return rest.includes(",");
}

function overrides() {
  const words = mode === defaultMode ? [] : [`mode=${mode}`];
  for (const field of fields) if (field.value.trim()) words.push(`${field.dataset.path}=${valueOf(field)}`);
  for (const word of more.value.split("\n")) if (word.trim()) words.push(word.trim());
  return words;
}

function order() {
  const words = overrides();
  return { overrides: words, multirun: words.some(isSweep), rerun: rerun || null };
}

function shell(word) { return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`; }

let added = [];
function showLine() {
  const { overrides: words, multirun } = order();
  const typed = rerun ? ["rerun", rerun] : [];
  line.textContent = ["evalkit", ...typed, ...(multirun ? ["-m"] : []), ...words, ...added].map(shell).join(" ");
}

/* --- the server --- */

async function ask(method, url, body) {
  let answer;
  try {
    answer = await fetch(url, {
      method,
      headers: { "X-Evalkit-Token": token, "Content-Type": "application/json", Accept: "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    document.dispatchEvent(new CustomEvent("lab:offline"));
    throw new Error("The lab does not answer. Is it still running?");
  }
  document.dispatchEvent(new CustomEvent("lab:online"));
  const told = await answer.json().catch(() => null);
  if (answer.ok) return told;
  const detail = told?.detail;
  const error = new Error(typeof detail === "string" ? detail : detail?.message ?? `The lab answered ${answer.status}.`);
  error.problems = detail?.problems ?? null;
  throw error;
}

/* --- checking as one types --- */

let asked = 0;
let waiting = 0;

async function check() {
  const number = ++asked;
  state.textContent = "Checking…";
  try {
    const told = await ask("POST", "/launches/check", { ...order(), asker });
    if (number !== asked) return;
    added = told.words.filter((word) => word.startsWith("output_dir=") && !overrides().includes(word));
    line.textContent = ["evalkit", ...told.words].map(shell).join(" ");
    showProblems(told.problems);
    showForecast(told);
    showDefaults(told);
  } catch (error) {
    if (number !== asked) return;
    showProblems(error.problems ?? [{ key: null, message: error.message }]);
  }
}

function checkSoon() {
  showLine();
  remember();
  asked += 1;
  state.textContent = "Checking…";
  clearTimeout(waiting);
  waiting = setTimeout(check, 450);
}

function fieldOf(problem) {
  return problem.key === null ? undefined : byPath.get(problem.key) ?? byPath.get(problem.key.replace(/^.*@/, "provider@"));
}

function showProblems(problems) {
  for (const field of fields) {
    field.removeAttribute("aria-invalid");
    const place = document.getElementById(`e-${field.dataset.path}`);
    place.hidden = true;
    place.textContent = "";
  }
  const list = document.getElementById("problems");
  list.replaceChildren();
  for (const problem of problems) {
    const field = fieldOf(problem);
    const item = document.createElement("li");
    if (field) {
      const place = document.getElementById(`e-${field.dataset.path}`);
      field.setAttribute("aria-invalid", "true");
      place.hidden = false;
      place.textContent = problem.message;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      button.textContent = problem.message;
      button.addEventListener("click", () => { reveal(field); field.focus(); });
      item.append(button);
    } else item.textContent = problem.message;
    list.append(item);
  }
  list.hidden = !problems.length;
  state.textContent = problems.length ? `${problems.length} ${problems.length === 1 ? "thing stands" : "things stand"} in the way` : "Ready to launch";
  if (problems.length) document.getElementById("forecast").hidden = true;
}

function reveal(field) {
  const block = field.closest("details");
  if (block) block.open = true;
}

const counted = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const minutes = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

function range([low, high], form) {
  const [from, to] = [form.format(low), form.format(high)];
  return from === to ? from : `${from} to ${to}`;
}

function usd(value) { return `$${value >= 1 || value === 0 ? value.toFixed(2) : value.toFixed(4)}`; }

function cost(told) {
  if (told.cost_usd === null) return `unknown, at least ${usd(told.known_usd[0])}: no full price for ${told.unknown.join(", ")}`;
  const [low, high] = told.cost_usd.map(usd);
  return low === high ? low : `${low} to ${high}`;
}

function showForecast({ forecast, warnings, jobs, jobs_total: total, problems }) {
  const place = document.getElementById("forecast");
  place.hidden = forecast === null || problems.length > 0;
  if (forecast !== null) {
    const lines = [
      ...(total > 1 ? [["Runs", counted.format(total)]] : []),
      ["Cases", forecast.cases === forecast.case_trials ? counted.format(forecast.cases) : `${counted.format(forecast.cases)}, ${counted.format(forecast.case_trials)} tries`],
      ...(forecast.caller_minutes[1] ? [["Callers speak", `${range(forecast.caller_minutes, minutes)} min`], ["Answers", `${range(forecast.answer_minutes, minutes)} min`]] : []),
      ...(forecast.input_tokens[1] ? [["Tokens in", range(forecast.input_tokens, counted)], ["Tokens out", range(forecast.output_tokens, counted)]] : [["Tokens", "not known in advance"]]),
      ["Cost", `${cost(forecast)} (prices of ${forecast.prices_of})`],
      ...jobs.slice(0, 4).map((job, number) => [total > 1 ? `Run ${number}` : "What", total > 1 && job.overrides.length ? job.overrides.join(" ") : job.says]),
      ...(total > 4 ? [["", `and ${total - 4} more`]] : []),
    ];
    const table = document.createElement("dl");
    table.className = "takes";
    for (const [name, value] of lines) {
      const term = document.createElement("dt");
      term.textContent = name;
      const said = document.createElement("dd");
      said.textContent = value;
      table.append(term, said);
    }
    place.replaceChildren(table);
  }
  const list = document.getElementById("warnings");
  list.hidden = !warnings.length;
  list.replaceChildren(...warnings.map((text) => { const item = document.createElement("li"); item.textContent = text; return item; }));
}

function at(config, path) { return path.split(".").reduce((node, part) => node?.[part], config); }

function shown(value) {
  if (Array.isArray(value)) return `[${value.join(", ")}]`;
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

let hasDefaults = false;

function showDefaults({ config, resolved }) {
  if (!config) { if (!hasDefaults) showBareDefaults(); return; }
  hasDefaults = true;
  for (const field of fields) {
    const { path } = field.dataset;
    if (path === "experiment" || path.includes("@") || path.includes("/")) continue;
    const [value, filled] = [at(config, path), resolved ? at(resolved, path) : undefined];
    const isNode = typeof value === "object" && value !== null && !Array.isArray(value) && path.indexOf(".") < 0;
    if (value === undefined || isNode) field.placeholder = isNode && typeof value.name === "string" ? value.name : "";
    else field.placeholder = value === null && filled !== null && filled !== undefined ? `null: ${shown(filled)}` : shown(value);
  }
}

/* What the form begins with composes nothing: then the fields show what they are when none of them is set. */
async function showBareDefaults() {
  hasDefaults = true;
  const words = mode === defaultMode ? [] : [`mode=${mode}`];
  try { showDefaults(await ask("POST", "/launches/check", { overrides: words, rerun: rerun || null })); } catch { /* the next check may */ }
}

/* --- the form in the address, so that a reload or a link keeps it --- */

function address(toMode) {
  const query = new URLSearchParams();
  query.set("mode", toMode);
  if (rerun) query.set("rerun", rerun);
  for (const word of overrides()) if (!word.startsWith("mode=")) query.append("set", word);
  return `/ui/launch?${query}`;
}

function remember() { history.replaceState(null, "", address(mode)); }

function fillIn(words, isSwitch) {
  const left = [];
  for (const word of words) {
    const cut = word.indexOf("=");
    const field = byPath.get(word.slice(0, cut));
    if (field) { field.value = word.slice(cut + 1); reveal(field); } else left.push(word);
  }
  if (isSwitch && left.length) say(`Left out what mode=${mode} has no field for: ${left.join(" ")}`);
  else more.value = left.join("\n");
}

function markSet() {
  for (const field of fields) field.closest(".field").classList.toggle("set", field.value.trim() !== "");
  const chosen = byPath.get("experiment")?.value.trim().split(",") ?? [];
  for (const chip of form.querySelectorAll("[data-preset]")) chip.setAttribute("aria-pressed", String(chosen.includes(chip.dataset.preset)));
}

form.addEventListener("input", (event) => {
  if (event.target.id === "find-key") { find(event.target.value); return; }
  if (event.target.id === "mode-choice") return;
  markSet();
  checkSoon();
});
document.getElementById("mode-choice").addEventListener("change", (event) => { location.href = `${address(event.target.value)}&switched=1`; });
form.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-preset]");
  if (!chip) return;
  const field = byPath.get("experiment");
  field.value = chip.getAttribute("aria-pressed") === "true" ? "" : chip.dataset.preset;
  markSet();
  checkSoon();
});
document.getElementById("clear").addEventListener("click", () => {
  for (const field of fields) field.value = "";
  more.value = "";
  markSet();
  checkSoon();
});

function find(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let any = false;
  for (const block of form.querySelectorAll(".keys")) {
    let found = false;
    for (const key of block.querySelectorAll(".key")) {
      const matches = words.every((word) => key.dataset.words.toLowerCase().includes(word));
      key.hidden = !matches;
      found ||= matches;
    }
    block.hidden = !found;
    any ||= found;
    if (block.nodeName === "DETAILS" && words.length) block.open = found;
  }
  document.getElementById("none-found").hidden = any;
}

const paste = document.getElementById("paste-form");
paste?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const place = document.getElementById("paste-error");
  place.hidden = true;
  try {
    const told = await ask("POST", "/launches/parse", { line: document.getElementById("paste-line").value });
    const query = new URLSearchParams();
    const named = told.overrides.filter((word) => word.startsWith("mode=") && !word.includes(","));
    query.set("mode", named.at(-1)?.slice(5) ?? defaultMode);
    for (const word of told.overrides) if (!named.includes(word)) query.append("set", word);
    location.href = `/ui/launch?${query}`;
  } catch (error) {
    place.textContent = error.message;
    place.hidden = false;
  }
});

/* --- launching --- */

const button = document.getElementById("launch");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  clearTimeout(waiting);
  asked += 1;
  state.textContent = "Launching…";
  try {
    const launched = await ask("POST", "/launches", order());
    state.textContent = "Launched. It stands below.";
    announce("Launched");
    await followLaunches();
    const row = document.getElementById(`launch-${launched.id}`);
    row?.scrollIntoView({ block: "nearest" });
    row?.querySelector("a, button")?.focus();
  } catch (error) {
    showProblems(error.problems ?? [{ key: null, message: error.message }]);
    document.getElementById("problems").scrollIntoView({ block: "nearest" });
  } finally {
    button.disabled = false;
  }
});

/* --- what was launched --- */

const place = document.getElementById("launches");
const rows = new Map();
const OPEN = new Set(["queued", "running"]);
const KINDS = { queued: "", running: "running", cancelled: "" };

function cell(...content) { const made = document.createElement("td"); made.append(...content); return made; }

function act(label, url, isHard) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  if (isHard) made.className = "danger";
  made.addEventListener("click", async () => {
    made.disabled = true;
    try { await ask("POST", url); } catch (error) { say(error.message, "bad"); }
    await followLaunches();
  });
  return made;
}

function actions(launch) {
  const stop = `/launches/${launch.id}/stop`;
  if (launch.state === "queued") return [act("Cancel", stop)];
  if (launch.state === "running") return [act(["Stop", "Stop at once", "Kill"][Math.min(launch.stops, 2)], stop, launch.stops > 0)];
  const isResumable = launch.state === "ended" && launch.url && !launch.later && ![0, 1, 2].includes(launch.exit_code);
  return isResumable ? [act("Resume", `${launch.url.replace("/ui", "")}/resume`)] : [];
}

function time(moment) {
  if (!moment) return "–";
  const made = document.createElement("time");
  made.dateTime = moment;
  made.dataset.shown = "clock";
  made.textContent = moment;
  return made;
}

function drawRow(launch) {
  const row = document.createElement("tr");
  row.id = `launch-${launch.id}`;
  const status = document.createElement("span");
  const ended = { 0: "completed", 1: "warn" }[launch.exit_code] ?? "bad";
  status.className = `status ${launch.state === "ended" ? ended : KINDS[launch.state]}`;
  status.textContent = launch.state === "running" && launch.stops ? "stopping" : launch.state === "ended" ? launch.ending : launch.state;
  const head = document.createElement("th");
  head.scope = "row";
  const words = document.createElement(launch.url ? "a" : "span");
  words.className = "mono";
  words.textContent = launch.line;
  if (launch.url) words.href = launch.url;
  head.append(words);
  if (launch.said.length) {
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    summary.textContent = "What it said last";
    const said = document.createElement("pre");
    said.className = "mono";
    said.textContent = launch.said.join("\n");
    details.append(summary, said);
    head.append(details);
  }
  const buttons = document.createElement("div");
  buttons.className = "row";
  buttons.append(...actions(launch));
  row.append(cell(status), head, cell(time(launch.started_at)), cell(time(launch.ended_at)), cell(buttons));
  return row;
}

function drawLaunches(launches) {
  if (!launches.length) {
    const empty = document.createElement("p");
    empty.className = "empty";
    empty.textContent = "Nothing was launched from here so far.";
    place.replaceChildren(empty);
    return;
  }
  let body = place.querySelector("tbody");
  if (!body) {
    const scroll = document.createElement("div");
    scroll.className = "scroll";
    const table = document.createElement("table");
    table.className = "list";
    const header = table.createTHead().insertRow();
    for (const name of ["State", "Line", "Started", "Ended", "Actions"]) {
      const made = document.createElement("th");
      made.scope = "col";
      made.textContent = name;
      header.append(made);
    }
    body = table.createTBody();
    scroll.append(table);
    place.replaceChildren(scroll);
  }
  const seen = new Set(); // newest first: what went on with a run later says how it stands
  launches.forEach((launch, position) => {
    launch.later = seen.has(launch.run_id);
    seen.add(launch.run_id);
    const told = JSON.stringify(launch);
    const known = rows.get(launch.id);
    if (known?.told === told) return;
    const row = drawRow(launch);
    if (known) {
      const hadFocus = known.row.contains(document.activeElement);
      known.row.replaceWith(row);
      if (hadFocus) row.querySelector("button, a")?.focus();
      if (known.state !== launch.state) announce(`${launch.line}: ${launch.state === "ended" ? launch.ending : launch.state}`);
    } else body.insertBefore(row, body.rows[position] ?? null);
    rows.set(launch.id, { told, row, state: launch.state });
  });
  showTimes(place);
}

let following = 0;
async function followLaunches() {
  clearTimeout(following);
  let pause = 5000;
  try {
    const launches = await ask("GET", "/launches?limit=30");
    drawLaunches(launches);
    const latest = launches.filter((launch) => OPEN.has(launch.state) || (launch.state === "ended" && launch.directory && !launch.url));
    if (latest.length) pause = 1000;
  } catch (error) {
    if (!rows.size) place.textContent = error.message;
    pause = 2000;
  }
  following = setTimeout(followLaunches, document.hidden ? 15000 : pause);
}
document.addEventListener("visibilitychange", () => { if (!document.hidden) followLaunches(); });

const query = new URLSearchParams(location.search);
fillIn(query.getAll("set"), query.has("switched"));
markSet();
showLine();
remember();
check();
followLaunches();
