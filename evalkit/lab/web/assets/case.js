/* One case: its call on one time axis, its terminal recording, its events. What needs no script is on the page already;
   texts of models and logs reach it through textContent only. The lanes' keyboard is report/lanes.js. */

import { colour, say } from "./lab.js";

const find = (id) => document.getElementById(id);

function clock(seconds) {
  const tenths = Math.floor(seconds * 10);
  return `${Math.floor(tenths / 600)}:${((tenths % 600) / 10).toFixed(1).padStart(4, "0")}`;
}

/* --- the time axis: blocks of the lanes, ticks and the playhead --- */

const TICKS_MS = [50, 100, 250, 500, 1000, 2000, 5000, 10000, 20000, 30000, 60000, 120000, 300000, 600000, 1200000];

function layOut(card) {
  const spanMs = Math.max(1, Number(card.dataset.span));
  const stage = card.querySelector(".call-stage");
  for (const block of stage.querySelectorAll(".block, .shade")) {
    const start = Number(block.dataset.start), end = Number(block.dataset.end);
    block.style.left = `${(100 * start) / spanMs}%`;
    block.style.width = `${(100 * (end - start)) / spanMs}%`;
    block.style.setProperty("--level", block.dataset.level ?? 0);
    const room = Number(block.dataset.room ?? 0);
    if (end > start && end - start < 3000 && room > end - start) {
      block.classList.add("beside");
      block.firstElementChild.style.maxWidth = `${(100 * room) / (end - start)}%`;
    }
  }
  for (const lane of card.querySelectorAll("[data-levels]")) lane.style.setProperty("--levels", lane.dataset.levels);
  for (const lane of stage.querySelectorAll(".lane")) rove(lane);
  const axis = stage.querySelector(".axis");
  const drawTicks = () => {
    const most = Math.max(2, Math.floor(stage.clientWidth / 110));
    const step = TICKS_MS.find((candidate) => spanMs / candidate <= most) ?? spanMs;
    const marks = [];
    for (let at = 0; at <= spanMs; at += step) {
      const mark = document.createElement("span");
      mark.textContent = step < 1000 ? `${(at / 1000).toFixed(2)} s` : at < 60000 ? `${at / 1000} s` : clock(at / 1000).slice(0, -2);
      mark.style.left = `${(100 * at) / spanMs}%`;
      marks.push(mark);
    }
    axis.replaceChildren(...marks);
  };
  new ResizeObserver(drawTicks).observe(stage);
  drawTicks();
  return { spanMs, stage, head: stage.querySelector(".playhead"), scroll: card.querySelector(".call-scroll") };
}

async function beginCall() {
  const card = find("call");
  if (!card) return;
  const figure = layOut(card);
  const audio = find("call-audio");
  if (!audio) return;
  listen(card, figure, audio);
  await drawWave(card, figure, audio);
}

function listen(card, { spanMs, stage, head, scroll }, audio) {
  const play = find("call-play"), time = find("call-time");
  let until = Infinity, frame = 0;
  const hear = (startMs, endMs = Infinity) => {
    until = endMs;
    audio.currentTime = startMs / 1000;
    audio.play().catch((error) => say(`The call cannot be played: ${error.message}`, "bad"));
  };
  const show = () => {
    const at = audio.currentTime * 1000;
    time.textContent = `${clock(audio.currentTime)} / ${clock(spanMs / 1000)}`;
    head.hidden = false;
    const x = (Math.min(at, spanMs) / spanMs) * stage.clientWidth;
    head.style.left = `${x}px`;
    if (!audio.paused && (x < scroll.scrollLeft || x > scroll.scrollLeft + scroll.clientWidth)) scroll.scrollLeft = x - 40;
    for (const block of stage.querySelectorAll(".block")) {
      block.classList.toggle("now", !audio.paused && at >= Number(block.dataset.start) && at < Number(block.dataset.end));
    }
  };
  const run = () => {
    if (audio.currentTime * 1000 >= until) { until = Infinity; audio.pause(); }
    show();
    frame = audio.paused ? 0 : requestAnimationFrame(run);
  };
  for (const name of ["seeked", "pause", "loadedmetadata"]) audio.addEventListener(name, show);
  audio.addEventListener("play", () => { play.textContent = "❚❚ Pause"; if (!frame) frame = requestAnimationFrame(run); });
  audio.addEventListener("pause", () => { play.textContent = "▶ Play"; });
  audio.addEventListener("error", () => {
    find("call-trouble").textContent = "The recording of this call could not be loaded.";
    find("call-trouble").hidden = false;
  });
  play.addEventListener("click", () => {
    until = Infinity;
    if (audio.paused) hear(audio.ended ? 0 : audio.currentTime * 1000); else audio.pause();
  });
  document.addEventListener("click", (event) => {
    const block = event.target.closest("button.block, .hear-button");
    if (block) hear(Number(block.dataset.start), Number(block.dataset.end));
  });
  find("call-rate").addEventListener("change", (event) => { audio.playbackRate = Number(event.target.value); });
  const zoom = find("call-zoom");
  const readable = Number(card.dataset.readable ?? 0) * (spanMs / 1000);
  zoom.value = [...zoom.options].map((option) => option.value).find((value) => scroll.clientWidth * Number(value) >= readable) ?? zoom.options[zoom.length - 1].value;
  stage.style.width = `${100 * Number(zoom.value)}%`;
  zoom.addEventListener("change", (event) => {
    const middle = (scroll.scrollLeft + scroll.clientWidth / 2) / stage.clientWidth;
    stage.style.width = `${100 * Number(event.target.value)}%`;
    scroll.scrollLeft = middle * stage.clientWidth - scroll.clientWidth / 2;
    show();
  });
  card.addEventListener("lab:hear", (event) => hear(event.detail.startMs));
  show();
}

async function drawWave(card, { spanMs }, audio) {
  try {
    const answer = await fetch(card.dataset.peaks);
    if (!answer.ok) throw new Error((await answer.json()).detail ?? answer.status);
    const { duration_s: duration, channels } = await answer.json();
    const { default: WaveSurfer } = await import("./vendored/wavesurfer/wavesurfer.esm.js");
    const channelsOptions = () => channels.map((_, side) => {
      const own = colour(side === 0 ? "--caller" : "--assistant");
      return { waveColor: own, progressColor: own, height: 56 };
    });
    const loudest = Math.max(0.05, ...channels.map((channel) => Math.max(...channel)));
    const wave = WaveSurfer.create({
      container: find("call-wave"), media: audio, peaks: channels, duration, splitChannels: channelsOptions(), maxPeak: loudest,
      normalize: true, barWidth: 2, barGap: 1, barRadius: 2, cursorWidth: 0, height: 56, cspNonce: card.dataset.nonce, dragToSeek: false, hideScrollbar: true,
    });
    wave.on("interaction", (seconds) => card.dispatchEvent(new CustomEvent("lab:hear", { detail: { startMs: seconds * 1000 } })));
    find("call-wave").style.width = `${(100 * duration * 1000) / spanMs}%`;
    wave.on("ready", () => { card.dataset.drawn = "yes"; });
    document.addEventListener("lab:theme", () => wave.setOptions({ splitChannels: channelsOptions() }));
  } catch (error) {
    find("call-trouble").textContent = `The wave of this call cannot be drawn: ${error.message}`;
    find("call-trouble").hidden = false;
  }
}

/* --- a terminal recording --- */

async function beginRecording() {
  const place = document.querySelector(".recording");
  if (!place) return;
  const trouble = (words) => {
    const note = document.createElement("p");
    note.className = "note bad";
    note.setAttribute("role", "alert");
    note.textContent = words;
    place.replaceChildren(note);
  };
  let cast;
  try {
    const answer = await fetch(place.dataset.cast);
    if (!answer.ok) throw new Error(`the lab answered ${answer.status}`);
    cast = await answer.text();
  } catch (error) {
    trouble(`The recording cannot be read: ${error.message}.`);
    return;
  }
  await new Promise((done) => { if (window.AsciinemaPlayer) done(); else addEventListener("load", done, { once: true }); });
  try {
    const { marks, seconds } = readMarks(cast);
    const player = window.AsciinemaPlayer.create({ data: cast }, place.querySelector(".screen-place"), {
      fit: "width", idleTimeLimit: MOST_REST_S, preload: true, poster: `npt:${seconds.toFixed(2)}`, controls: true,
    });
    place.addEventListener("keydown", (event) => event.stopPropagation());
    listMarks(place, player, marks);
    for (const name of ["play", "pause", "ended"]) player.addEventListener(name, () => { place.dataset.state = name; });
    place.dataset.state = "ready";
  } catch (error) {
    trouble(`The recording cannot be played: ${error.message}.`);
  }
}

const MOST_REST_S = 2;

/* How long a recording plays, and the moments that whoever recorded has marked, in seconds as the player counts them: it
   cuts long rests short. */
function readMarks(cast) {
  const marks = [];
  const lines = cast.split("\n");
  let isDelta = false;
  try { isDelta = JSON.parse(lines[0]).version === 3; } catch { return { marks, seconds: 0 }; }
  let at = 0, shown = 0;
  for (const line of lines.slice(1)) {
    let event;
    try { event = JSON.parse(line); } catch { continue; }
    if (!Array.isArray(event)) continue;
    const now = isDelta ? at + event[0] : event[0];
    shown += Math.min(MOST_REST_S, Math.max(0, now - at));
    at = now;
    if (event[1] === "m") marks.push([shown, String(event[2])]);
  }
  return { marks, seconds: shown };
}

function listMarks(place, player, marks) {
  const box = place.querySelector(".recording-marks");
  box.hidden = marks.length === 0;
  box.querySelector("ol").replaceChildren(...marks.map(([seconds, words]) => {
    const line = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    const time = document.createElement("span");
    time.className = "mono soft";
    time.textContent = clock(seconds);
    const told = document.createElement("span");
    told.textContent = words;
    button.append(time, told);
    button.addEventListener("click", () => player.seek(seconds));
    line.append(button);
    return line;
  }));
}

/* --- events: only what can be seen is there, however long the log is --- */

const ROW_PX = 28, PAGE = 100;

function beginEvents() {
  const card = find("events");
  if (!card) return;
  const scroll = find("event-scroll"), space = scroll.firstElementChild, field = find("events-find"), told = find("events-count");
  const state = { total: Number(card.dataset.total), pages: new Map(), find: "", at: 0, asked: 0 };

  async function load(page) {
    if (state.pages.has(page)) return;
    state.pages.set(page, null);
    const asked = state.asked;
    try {
      const query = new URLSearchParams({ first: page * PAGE, count: PAGE, find: state.find });
      const answer = await fetch(`${card.dataset.events}?${query}`);
      if (!answer.ok) throw new Error(`the lab answered ${answer.status}`);
      const found = await answer.json();
      if (asked !== state.asked) return;
      state.pages.set(page, found.rows);
      if (found.total !== state.total) { state.total = found.total; resize(); }
      tell();
    } catch (error) {
      if (asked !== state.asked) return;
      state.pages.delete(page);
      told.textContent = `The events cannot be read: ${error.message}`;
      return;
    }
    draw();
  }
  const rowAt = (place) => state.pages.get(Math.floor(place / PAGE))?.[place % PAGE];
  function resize() { space.style.height = `${state.total * ROW_PX}px`; }
  function tell() {
    const count = state.total.toLocaleString();
    const { noun } = card.dataset;
    told.textContent = state.find ? `${count} of ${Number(card.dataset.total).toLocaleString()} ${noun}` : `${count} ${noun}`;
  }
  function draw() {
    const first = Math.max(0, Math.floor(scroll.scrollTop / ROW_PX) - 8);
    const last = Math.min(state.total, Math.ceil((scroll.scrollTop + scroll.clientHeight) / ROW_PX) + 8);
    for (let page = Math.floor(first / PAGE); page <= Math.floor(Math.max(first, last - 1) / PAGE); page += 1) load(page);
    const rows = [];
    for (let place = first; place < last; place += 1) rows.push(drawRow(place));
    space.replaceChildren(...rows);
    const chosen = find(`event-${state.at}`);
    if (chosen) scroll.setAttribute("aria-activedescendant", chosen.id); else scroll.removeAttribute("aria-activedescendant");
  }
  function drawRow(place) {
    const event = rowAt(place);
    const row = document.createElement("div");
    row.className = event?.event_type === "error" ? "event-row error" : "event-row";
    row.id = `event-${place}`;
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(place === state.at));
    row.setAttribute("aria-posinset", place + 1);
    row.setAttribute("aria-setsize", state.total);
    row.style.top = `${place * ROW_PX}px`;
    const cells = event ? [event.at_ms === null ? "" : event.at_ms.toFixed(1), event.source, { sent: "→ sent", received: "← received" }[event.direction] ?? event.direction, event.turn_index ?? "", event.event_type, event.words] : ["…"];
    row.append(...cells.map((text) => { const cell = document.createElement("span"); cell.textContent = text; return cell; }));
    row.addEventListener("click", () => { state.at = place; draw(); open(); });
    return row;
  }
  async function open() {
    const event = rowAt(state.at);
    if (!event) return;
    try {
      const answer = await fetch(`${card.dataset.events}/${event.number}`);
      if (!answer.ok) throw new Error(`the lab answered ${answer.status}`);
      find("event-title").textContent = event.event_type;
      find("event-json").textContent = await answer.text();
      find("event-dialog").showModal();
    } catch (error) { say(`The event cannot be read: ${error.message}`, "bad"); }
  }
  function move(to) {
    state.at = Math.max(0, Math.min(state.total - 1, to));
    const top = state.at * ROW_PX;
    if (top < scroll.scrollTop) scroll.scrollTop = top;
    else if (top + ROW_PX > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + ROW_PX - scroll.clientHeight;
    draw();
  }
  scroll.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(scroll.clientHeight / ROW_PX) - 1);
    const to = { ArrowDown: state.at + 1, ArrowUp: state.at - 1, PageDown: state.at + page, PageUp: state.at - page, Home: 0, End: state.total - 1 }[event.key];
    if (to !== undefined) { event.preventDefault(); move(to); }
    if (event.key === "Enter") { event.preventDefault(); open(); }
  });
  scroll.addEventListener("scroll", draw, { passive: true });
  let waiting = 0;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      Object.assign(state, { find: field.value.trim(), at: 0, asked: state.asked + 1, total: Number(card.dataset.total) });
      state.pages.clear();
      scroll.scrollTop = 0;
      load(0);
    }, 200);
  });
  new ResizeObserver(draw).observe(scroll);
  resize();
  draw();
}

/* --- a case that is still going: shown anew when there is more to show --- */

function beginWaiting() {
  const waiting = document.querySelector("[data-awaits]");
  if (!waiting) return;
  document.addEventListener("live:events", ({ detail }) => {
    if (detail.events.some((event) => event.event === waiting.dataset.awaits && event.key === waiting.dataset.case)) location.reload();
  });
}

beginWaiting();
beginCall();
beginRecording();
beginEvents();
