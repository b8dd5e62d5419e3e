/* What every page has: theme, keys, dialogs, times in the reader's zone, messages, the token on every mutation.

   For other modules:
     import { send, say, announce, colour, showTimes } from "./lab.js"
     await send("POST", url, body)   JSON in and out, with the token; throws an Error with the lab's message
     say(text, "good" | "bad" | "")  a message that goes away by itself
     announce(text)                  for screen readers only
     colour("--accent")              the value of a CSS variable in the theme of now (uPlot needs it); listen to
                                     "lab:theme" on document to draw again
     showTimes(root)                 writes <time> elements; done by itself for what htmx brings
   Events on document: "lab:offline" and "lab:online" (live.js sends them) show and hide the banner. */

const root = document.documentElement;
const token = document.querySelector('meta[name="csrf"]')?.content ?? "";
const remembered = {
  get(name) { try { return localStorage.getItem(`evalkit-${name}`); } catch { return null; } },
  set(name, value) { try { localStorage.setItem(`evalkit-${name}`, value); } catch { /* not remembered */ } },
};

/* On a narrow screen the navigation is wider than its place: where one is has to be seen. */
document.querySelector(".site-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });

/* --- the server --- */

export async function send(method, url, body) {
  const headers = { "X-Evalkit-Token": token, Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Error("The lab does not answer. Is it still running?");
  }
  const text = await answer.text();
  if (!answer.ok) throw new Error(messageOf(text, answer.status));
  try { return text ? JSON.parse(text) : null; } catch { return text; }
}

function messageOf(text, status) {
  try {
    const { detail } = JSON.parse(text);
    if (typeof detail === "string") return detail;
    if (Array.isArray(detail)) return detail.map((one) => one.msg ?? String(one)).join("; ");
    if (detail?.message) return detail.message;
  } catch { /* not JSON */ }
  return text && text.length < 300 && !text.startsWith("<") ? text : `The lab answered ${status}.`;
}

document.addEventListener("htmx:config:request", (event) => {
  event.detail.ctx.request.headers["X-Evalkit-Token"] = token;
});
document.addEventListener("htmx:response:error", (event) => {
  const { text, response } = event.detail.ctx;
  say(messageOf(text ?? "", response.status), "bad");
});
document.addEventListener("htmx:error", () => say("The lab does not answer. Is it still running?", "bad"));
document.addEventListener("htmx:after:swap", () => showTimes(document));

/* A button with data-send="POST /runs/…/stop" sends that, after asking data-confirm where it has it, and says data-sent.
   What comes back goes out as "lab:sent" on the button: { address, answer }. */
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-send]");
  if (!button || button.disabled) return;
  const { send: order, confirm: question, sent } = button.dataset;
  if (question && !window.confirm(question)) return;
  const [method, address] = order.split(" ");
  button.disabled = true;
  try {
    const answer = await send(method, address);
    if (sent) say(sent, "good");
    button.dispatchEvent(new CustomEvent("lab:sent", { bubbles: true, detail: { address, answer } }));
  } catch (error) {
    say(error.message, "bad");
  } finally {
    button.disabled = false;
  }
});

/* --- messages --- */

export function announce(text) {
  const place = document.getElementById("announce");
  place.textContent = "";
  setTimeout(() => { place.textContent = text; }, 50);
}

export function say(text, kind = "") {
  const toast = document.createElement("div");
  toast.className = `toast ${kind}`;
  const words = document.createElement("p");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "icon";
  close.textContent = "×";
  close.setAttribute("aria-label", "Close this message");
  close.addEventListener("click", () => toast.remove());
  toast.append(words, close);
  document.getElementById("toasts").append(toast);
  if (kind !== "bad") setTimeout(() => toast.remove(), 8000);
}

const banner = document.getElementById("offline");
document.addEventListener("lab:offline", () => { banner.hidden = false; });
document.addEventListener("lab:online", () => { banner.hidden = true; });

/* --- theme --- */

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

export function colour(variable) {
  const probe = document.createElement("i");
  probe.hidden = true;
  probe.style.color = `var(${variable})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function themeChanged() { document.dispatchEvent(new CustomEvent("lab:theme", { detail: { dark: isDark() } })); }

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themeChanged);
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-switch]")) return;
  root.dataset.theme = isDark() ? "light" : "dark";
  remembered.set("theme", root.dataset.theme);
  announce(`${root.dataset.theme} theme`);
  themeChanged();
});

/* --- times --- */

const fullTime = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const longTime = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const shortTime = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const clockTime = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const since = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });

function ago(moment) {
  const seconds = (moment - Date.now()) / 1000;
  for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= length) return since.format(Math.round(seconds / length), unit);
  }
  return seconds > -5 ? "now" : since.format(Math.round(seconds), "second");
}

function writeTime(node) {
  const moment = new Date(node.dateTime);
  if (Number.isNaN(moment.valueOf())) return;
  const { shown } = node.dataset;
  const thisYear = moment.getFullYear() === new Date().getFullYear();
  if (shown === "ago" && Date.now() - moment < 30 * 86400 * 1000) node.textContent = ago(moment);
  else if (shown === "clock") node.textContent = clockTime.format(moment);
  else node.textContent = (thisYear ? shortTime : longTime).format(moment);
  node.title = fullTime.format(moment);
}

export function showTimes(place) { place.querySelectorAll("time[data-shown]").forEach(writeTime); }

showTimes(document);
setInterval(() => document.querySelectorAll('time[data-shown="ago"]').forEach(writeTime), 15000);

/* --- dialogs --- */

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    event.preventDefault();
    const dialog = document.getElementById(opener.dataset.opens);
    if (dialog.id === "keys-dialog") listKeys(dialog);
    if (!dialog.open) dialog.showModal();
  }
  if (event.target.closest("[data-closes]")) event.target.closest("dialog")?.close();
  if (event.target.nodeName === "DIALOG") event.target.close();
});

/* --- keys --- */

const onSwitch = document.getElementById("keys-on");
onSwitch.checked = remembered.get("keys") !== "off";
onSwitch.addEventListener("change", () => remembered.set("keys", onSwitch.checked ? "on" : "off"));

function isShown(node) { return node.checkVisibility(); }

function listKeys(dialog) {
  const lines = [...document.querySelectorAll("[data-key]")].filter(isShown).map((node) => [node.dataset.key, node.dataset.keyLabel ?? node.textContent.trim()]);
  if (document.querySelector("[data-rows]")) lines.push(["j k", "Next and previous row"], ["Enter", "Open the row"]);
  for (const node of document.querySelectorAll("[data-key-note]")) lines.push([node.dataset.keyNote, node.dataset.keyLabel]);
  const goes = [...document.querySelectorAll("[data-go]")].map((node) => [`g ${node.dataset.go}`, node.textContent.trim()]);
  lines.push(["Esc", "Close, or leave a field"]);
  const seen = new Set();
  const list = document.createElement("dl");
  for (const [key, label] of [...lines, ...goes]) {
    if (seen.has(key)) continue;
    seen.add(key);
    const term = document.createElement("dt");
    for (const part of key.split(" ")) {
      const cap = document.createElement("kbd");
      cap.textContent = part;
      term.append(cap, " ");
    }
    const said = document.createElement("dd");
    said.textContent = label;
    const line = document.createElement("div");
    line.append(term, said);
    list.append(line);
  }
  dialog.querySelector(".key-list").replaceChildren(list);
}

function walk(step) {
  const rows = [...document.querySelectorAll("[data-rows] tbody tr")].filter(isShown);
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const row = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
  const link = row.querySelector("a[href], button");
  link?.focus();
  row.scrollIntoView({ block: "nearest" });
}

let going = 0;
document.addEventListener("keydown", (event) => {
  const field = event.target.closest?.("input, select, textarea, [contenteditable]");
  if (event.key === "Escape" && field) field.blur();
  if (field || event.ctrlKey || event.metaKey || event.altKey || !onSwitch.checked) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "g") { going = Date.now(); return; }
  if (Date.now() - going < 1500) {
    going = 0;
    const to = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (to) { event.preventDefault(); location.href = to.href; return; }
  }
  if (event.key === "j" || event.key === "k") { event.preventDefault(); walk(event.key === "j" ? 1 : -1); return; }
  const node = [...document.querySelectorAll(`[data-key="${CSS.escape(event.key)}"]`)].find(isShown);
  if (!node) return;
  event.preventDefault();
  if (node.matches("input:not([type=checkbox]), select, textarea")) { node.focus(); node.select?.(); } else node.click();
});

/* A row is as large as its link: a click anywhere on it opens it, unless something in it was meant. */
document.addEventListener("click", (event) => {
  const row = event.target.closest("[data-rows] tbody tr");
  if (!row || event.target.closest("a, button, input, label, summary") || String(getSelection())) return;
  const link = row.querySelector("a[href]");
  if (!link) return;
  if (event.ctrlKey || event.metaKey) window.open(link.href, "_blank", "noopener");
  else link.click();
});

/* Copying: a button with data-copies="ID" copies that element's text. */
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    say("Copied.", "good");
  } catch {
    getSelection().selectAllChildren(source);
    say("The browser does not let pages copy here; the text is selected.");
  }
});
