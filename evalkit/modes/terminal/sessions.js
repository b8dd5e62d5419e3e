"use strict";
/* Plays the screens of sessions. A film is read when its session is opened; what a program wrote reaches the page through
   textContent only, and colours through properties of elements, which the page's policy allows. */
(() => {
  const FOREGROUND = "#dcdcdc", BACKGROUND = "#0c0c0c";
  const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];
  let playing = null;

  function make(tag, given = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(given)) {
      if (name === "text") node.textContent = value;
      else if (name === "class") node.className = value;
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }

  /* Every frame whole: which row of the film stands at each place, and the size. */
  function unroll(film) {
    let rows = [], size = [0, 0];
    return film.frames.map(([at, played, changes, resized]) => {
      if (resized) { size = resized; rows = new Array(size[1]).fill(0); }
      rows = rows.slice();
      for (let place = 0; place < changes.length; place += 2) rows[changes[place]] = changes[place + 1];
      return { at, played, rows, columns: size[0] };
    });
  }

  function drawRow(film, number) {
    const line = make("div");
    for (const [text, look] of film.rows[number]) {
      const { fg, bg, is } = film.looks[look];
      const run = make("span", { text, class: is.filter((name) => name !== "inverse").join(" ") });
      const [front, back] = is.includes("inverse") ? [bg || BACKGROUND, fg || FOREGROUND] : [fg, bg];
      if (front) run.style.color = front;
      if (back) run.style.backgroundColor = back;
      line.append(run);
    }
    return line;
  }

  function begin(session, place) {
    const film = JSON.parse(place.querySelector("script").textContent);
    const frames = unroll(film);
    const last = frames.length - 1;
    const stops = [...new Set(film.marks.map(([frame]) => frame))];
    const turnLines = [...session.querySelectorAll(".turn-line")];
    const state = { at: last, timer: 0, shown: [] };

    const screen = make("pre", { class: "screen", tabindex: "0", role: "region", "aria-label": "Screen" });
    const play = make("button", { type: "button", class: "play", text: "▶ Play", onclick: () => state.timer ? pause() : start() });
    const back = make("button", { type: "button", class: "back", text: "← Turn", onclick: () => step(-1) });
    const on = make("button", { type: "button", class: "on", text: "Turn →", onclick: () => step(1) });
    const speed = make("select", { "aria-label": "Speed" }, ...SPEEDS.map((value) => make("option", { value, text: `${value}×` })));
    speed.value = "1";
    const wide = make("button", { type: "button", class: "wider", "aria-pressed": "false", text: "Wide", onclick: () => {
      const is = session.querySelector(".panes").classList.toggle("full-width");
      wide.setAttribute("aria-pressed", String(is));
    } });
    const seek = make("input", { type: "range", min: 0, max: last, step: 1, "aria-label": "Frame",
      oninput: () => { pause(); show(Number(seek.value)); } });
    const track = make("div", { class: "seek" }, ...film.marks.map(([frame, who, what]) => {
      const mark = make("span", { class: `mark ${who}`, title: `${who}: ${what}` });
      const share = last ? frame / last : 0;
      mark.style.left = `calc(8px + ${share} * (100% - 16px))`;
      return mark;
    }), seek);
    const told = make("p", { class: "told soft" });
    place.querySelector(".last-screen").hidden = true;
    place.append(screen, make("div", { class: "controls" }, track, play, back, on, make("label", {}, "Speed ", speed), wide), told);

    function show(at) {
      state.at = at;
      const frame = frames[at];
      screen.style.setProperty("--columns", frame.columns);
      const lines = [...screen.children];
      frame.rows.forEach((number, row) => {
        if (lines[row] && state.shown[row] === number) return;
        const line = drawRow(film, number);
        if (lines[row]) lines[row].replaceWith(line);
        else screen.append(line);
      });
      for (const line of lines.slice(frame.rows.length)) line.remove();
      state.shown = frame.rows;
      seek.value = at;
      place.dataset.frame = at;
      const past = film.marks.filter(([marked]) => marked <= at);
      const here = past.filter(([marked]) => marked === at);
      const [, who, what] = past.length ? past[past.length - 1] : [0, "", ""];
      const words = here.length ? here.map(([, by, does]) => `${by}: ${does}`).join(" · ") : who ? `since ${who}: ${what}` : "start";
      told.textContent = `${(frame.at / 1000).toFixed(2)} s, frame ${at + 1} of ${last + 1} · ${words}`;
      seek.setAttribute("aria-valuetext", told.textContent);
      back.disabled = !stops.some((stop) => stop < at);
      on.disabled = !stops.some((stop) => stop > at);
      const turn = past.filter(([, by]) => by === "user").length;
      turnLines.forEach((line, number) => line.classList.toggle("now", number === turn - 1));
    }
    /* The frame at which a turn ended: the agent's last mark before the user acts again. */
    function endOf(number) {
      const users = film.marks.flatMap(([, who], place) => who === "user" ? [place] : []);
      if (!users.length) return film.marks[number] && film.marks[number][0];
      const own = film.marks.slice(users[number] === undefined ? Infinity : users[number], users[number + 1]);
      const ends = own.filter(([, who]) => who === "agent");
      return ends.length ? ends[ends.length - 1][0] : undefined;
    }
    function start() {
      if (playing) playing();
      playing = pause;
      if (state.at === last) show(0);
      play.textContent = "⏸ Pause";
      next();
    }
    function next() {
      if (state.at >= last) return pause();
      const wait = (frames[state.at + 1].played - frames[state.at].played) / Number(speed.value);
      state.timer = setTimeout(() => { show(state.at + 1); next(); }, Math.max(wait, 1));
    }
    function pause() {
      clearTimeout(state.timer);
      state.timer = 0;
      play.textContent = "▶ Play";
      if (playing === pause) playing = null;
    }
    function step(direction) {
      pause();
      const there = direction > 0 ? stops.find((stop) => stop > state.at) : stops.findLast((stop) => stop < state.at);
      if (there !== undefined) show(there);
    }
    turnLines.forEach((line, number) => {
      const ends = endOf(number);
      if (ends === undefined) return;
      line.querySelector("p").append(" ", make("button", { type: "button", class: "jump", text: "show", "aria-label": `Show the end of turn ${number + 1}`,
        onclick: () => { pause(); show(ends); } }));
    });
    session.addEventListener("toggle", () => { if (!session.open) pause(); });
    show(last);
  }

  for (const session of document.querySelectorAll("details.session")) {
    const place = session.querySelector(".film");
    if (place) session.addEventListener("toggle", () => { if (session.open && !place.dataset.frame) begin(session, place); });
  }
  addEventListener("hashchange", () => { if (playing) playing(); });
})();
