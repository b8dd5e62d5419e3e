/* What happens, as it happens: keeps a connection to the lab's event streams and tells the page by DOM events.

   A page asks for it by an attribute, anywhere in its body:
     data-live-run="ID"   one run. Beside it, where the page's text was made at a known place of the journal:
                          data-live-cursor="N" data-live-generation="G" (events after N are told; without them: all)
     data-live-all        every run that is live, from now on
   or by a call: import { follow, followAll } from "./live.js"; const stream = follow(id, { cursor, generation });
   stream.close(). The first connection is made when all of the page's modules have run, so that none misses an event.

   CustomEvents on `document`; `detail` always has `run` (the run's id; null where it is about none):
     live:init      { run, metadata, totals }   connected. metadata: name, mode, model, …; totals: as below
     live:events    { run, events, totals }     journal lines, oldest first, none twice, over all reconnections: `event`
                    (began, started, failed, finished, graded, concurrency, paused, ended, resumed; "damaged" for a line
                    that is none), `cursor`, `at`, and their fields (docs/run-directory.md). finished and graded also
                    have `ending` ("passed", "failed", "lost", "ungraded"); finished: `failure`, `duration_ms`;
                    graded: `grades` (grader -> number or null). totals is null while older events are caught up on
     live:totals    { run, totals }             with every init and every events that has them: status ("running",
                    "cut_off", "completed", …), planned, finished, passed, failed, lost, ungraded, running, tries_failed,
                    cost_usd, cost_is_whole (false: some prices are unknown), limit, paused_until (ISO time or null),
                    last_at
     live:complete  { run, status, summary }    the run has ended; summary.json or {}. It may be resumed later
     live:reset     { run }                     the run's directory was replaced: forget all that was told of it
     live:error     { run, message }            no such run, or it is gone; nothing more will come
     live:indexed   { run: null, version }      the index has changed, at most about once a second: what was made from
                    it (tables, counts) may be asked for again
   "lab:offline" and "lab:online" are dispatched when the connection is lost and found again.

   Texts in events come from models and servers: put them into the page by textContent only. */

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 10000;
const SILENCE_MS = 40000; // the lab sends something every 15 s
const INDEXED_EVERY_MS = 800;
const streams = new Set();
const reader = [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function tell(name, detail) { document.dispatchEvent(new CustomEvent(name, { detail })); }

/* --- whether the lab is there --- */

let isOffline = false;

function showState() {
  const now = [...streams].some((stream) => stream.isLost);
  if (now !== isOffline) {
    isOffline = now;
    tell(now ? "lab:offline" : "lab:online", { run: null });
  }
}

/* --- the index, not more often than a page can redraw --- */

let indexedAt = 0;
let indexedTimer = 0;
let newestVersion = 0;

function indexed(version) {
  newestVersion = version;
  if (indexedTimer) return;
  indexedTimer = setTimeout(() => {
    indexedTimer = 0;
    indexedAt = Date.now();
    tell("live:indexed", { run: null, version: newestVersion });
  }, Math.max(0, indexedAt + INDEXED_EVERY_MS - Date.now()));
}

/* --- one connection --- */

class Stream {
  constructor(run, places) {
    this.run = run; // null: all
    this.places = places; // run -> { cursor, generation }, where to go on
    this.waitMs = FIRST_WAIT_MS;
    this.isLost = false;
    streams.add(this);
    this.connect();
  }

  close() {
    streams.delete(this);
    this.forget();
    showState();
  }

  forget() {
    clearTimeout(this.timer);
    clearTimeout(this.watchdog);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  address() {
    const path = this.run === null ? "/stream" : `/runs/${encodeURIComponent(this.run)}/stream`;
    const url = new URL(path, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("reader", reader);
    if (this.run === null) {
      for (const [run, place] of [...this.places].slice(-100)) url.searchParams.append("since", `${run}.${place.generation}.${place.cursor}`);
    } else {
      const place = this.places.get(this.run);
      url.searchParams.set("follow", "true");
      url.searchParams.set("attempts", "false");
      url.searchParams.set("cursor", place?.cursor ?? 0);
      url.searchParams.set("generation", place?.generation ?? "");
    }
    return url;
  }

  connect() {
    this.forget();
    const socket = new WebSocket(this.address());
    this.socket = socket;
    this.listen();
    socket.addEventListener("message", (message) => {
      if (this.socket === socket) this.take(JSON.parse(message.data));
    });
    socket.addEventListener("close", (closed) => {
      if (this.socket === socket) this.lost(closed.code);
    });
  }

  listen() {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.lost(0), SILENCE_MS);
  }

  lost(code) {
    this.forget();
    if (code === 4404) {
      this.close();
      return;
    }
    this.isLost = true;
    showState();
    this.timer = setTimeout(() => this.connect(), this.waitMs * (0.5 + Math.random() / 2));
    this.waitMs = Math.min(this.waitMs * 2, LONGEST_WAIT_MS);
  }

  hurry() {
    if (this.socket) return;
    this.waitMs = FIRST_WAIT_MS;
    this.connect();
  }

  take(message) {
    this.listen();
    this.waitMs = FIRST_WAIT_MS;
    if (this.isLost) {
      this.isLost = false;
      showState();
    }
    const run = message.run_id ?? null;
    if (message.type === "init") this.begin(run, message);
    else if (message.type === "events") this.pass(run, message);
    else if (message.type === "reset") {
      this.places.set(run, { cursor: 0, generation: message.generation });
      tell("live:reset", { run });
    } else if (message.type === "complete") {
      tell("live:complete", { run, status: message.status, summary: message.summary });
    } else if (message.type === "gone") this.places.delete(run);
    else if (message.type === "indexed") indexed(message.version);
    else if (message.type === "error") tell("live:error", { run, message: message.message });
  }

  begin(run, message) {
    if (message.reset) tell("live:reset", { run });
    this.places.set(run, { cursor: message.cursor, generation: message.generation });
    tell("live:init", { run, metadata: message.metadata, totals: message.totals });
    tell("live:totals", { run, totals: message.totals });
  }

  pass(run, message) {
    const place = this.places.get(run) ?? { cursor: 0, generation: message.generation };
    const events = message.events.filter((event) => event.cursor > place.cursor);
    this.places.set(run, { cursor: Math.max(place.cursor, message.cursor), generation: message.generation });
    const totals = message.totals ?? null;
    if (events.length) tell("live:events", { run, events, totals });
    if (totals) tell("live:totals", { run, totals });
  }
}

export function follow(run, { cursor = 0, generation = "" } = {}) {
  return new Stream(run, new Map([[run, { cursor: Number(cursor) || 0, generation }]]));
}

export function followAll() { return new Stream(null, new Map()); }

addEventListener("online", () => streams.forEach((stream) => stream.hurry()));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) streams.forEach((stream) => stream.hurry());
});
addEventListener("pagehide", () => streams.forEach((stream) => stream.forget()));
addEventListener("pageshow", (event) => {
  if (event.persisted) streams.forEach((stream) => stream.hurry());
});

function begin() {
  for (const element of document.querySelectorAll("[data-live-run]")) {
    const { liveRun, liveCursor, liveGeneration } = element.dataset;
    follow(liveRun, { cursor: liveCursor, generation: liveGeneration });
  }
  if (document.querySelector("[data-live-all]")) followAll();
}

if (document.readyState === "complete") begin();
else addEventListener("DOMContentLoaded", begin, { once: true });
