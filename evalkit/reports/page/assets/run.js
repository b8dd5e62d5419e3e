"use strict";
/* The run page: a filterable table of cases, and one case at a time. Everything said by models, callers and tools
   reaches the page through textContent only. Details of a case are parsed when it is opened. */
(() => {
  const STEP = 100;
  const FILTERS = ["find", "ending", "fault", "grader"];
  const KINDS = { "passed": "passed", "not passed": "failed", undecided: "ungraded", "fault: assistant": "fault" };
  const SIGNS = { passed: "✓", failed: "✗", ungraded: "–", fault: "!", lost: "∅" };
  const index = JSON.parse(document.getElementById("index").textContent);
  const cases = index.cases.map((line, place) => ({ ...line, place, text: searchable(line) }));
  const placeOf = new Map(cases.map((line) => [line.key, line.place]));
  const find = (id) => document.getElementById(id);
  const state = { sort: "", down: false, shown: STEP, matches: cases, scrollTop: 0, from: "" };

  // --- building blocks ---

  /* On narrow screens rows are laid out as blocks; named roles keep a table a table for a screen reader. */
  const ROLES = { table: "table", thead: "rowgroup", tbody: "rowgroup", tr: "row", td: "cell" };
  function make(tag, given = {}, ...children) {
    const node = document.createElement(tag);
    const role = tag === "th" ? (given.scope === "row" ? "rowheader" : "columnheader") : ROLES[tag];
    if (role) node.setAttribute("role", role);
    for (const [name, value] of Object.entries(given)) {
      if (value === null || value === undefined || value === false) continue;
      if (name === "text") node.textContent = value;
      else if (name === "class") node.className = value;
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }
  const kindOf = (ending) => KINDS[ending] || "lost";
  const badge = (ending) => make("span", { class: `badge ${kindOf(ending)}` },
    make("span", { class: "sign", "aria-hidden": "true", text: SIGNS[kindOf(ending)] }), ` ${ending}`);
  const grade = (value) => value === null || value === undefined ? "–" : String(Math.round(value * 1000) / 1000);
  const ms = (value) => value === null || value === undefined ? "–" : Math.round(value).toLocaleString("en");
  const usd = (value) => value === null || value === undefined ? "unknown" : value === 0 ? "$0" : `$${value.toFixed(4)}`;
  const seconds = (value, digits = 1) => `${(value / 1000).toFixed(digits)} s`;
  const words = (name) => name.replace(/_ms$/, "").replace(/^latency_/, "").replaceAll("_", " ");
  const json = (value) => typeof value === "string" ? value : JSON.stringify(value, null, 2);
  function searchable(line) {
    return [line.key, line.said, line.answered, line.calls, line.why, line.fault].join("\n").toLowerCase();
  }
  function chips(pairs) {
    return pairs.map(([name, value]) => make("span", { class: "chip", text: `${name} ${value}` }));
  }
  function pairs(entries) {
    return make("dl", { class: "pairs" }, ...entries.map(([name, value]) =>
      make("div", {}, make("dt", { text: words(name) }), make("dd", { text: value }))));
  }
  function foldable(title, ...children) {
    return make("details", {}, make("summary", { text: title }), ...children);
  }

  // --- the table of cases ---

  const COLUMNS = [
    { id: "key", name: "case", value: (c) => c.key },
    { id: "ending", name: "ending", value: (c) => c.ending },
    { id: "grade", name: "lowest grade", num: true, value: (c) => c.grade },
    { id: "said", name: "what happened", value: null },
    index.rowPerTurn ? { id: "turns", name: "turns", num: true, value: (c) => c.turns } : null,
    index.wait ? { id: "first_ms", name: `${index.wait}, ms`, num: true, value: (c) => c.first_ms } : null,
    index.done ? { id: "done_ms", name: "done, ms", num: true, value: (c) => c.done_ms } : null,
    { id: "cost_usd", name: "cost", num: true, value: (c) => c.cost_usd },
  ].filter(Boolean);

  function drawHead() {
    find("case-table").tHead.rows[0].replaceChildren(...COLUMNS.map((column) => {
      const sorted = state.sort === column.id;
      const order = sorted ? (state.down ? "descending" : "ascending") : null;
      const head = make("th", { scope: "col", class: column.num ? "num" : column.id, "aria-sort": order });
      if (!column.value) head.textContent = column.name;
      else head.append(make("button", { type: "button", text: column.name + (sorted ? (state.down ? " ▾" : " ▴") : ""),
        onclick: () => sortBy(column.id) }));
      return head;
    }));
  }
  function sortBy(id) {
    state.down = state.sort === id && !state.down;
    state.sort = id;
    drawHead();
    filter();
    [...find("case-table").tHead.querySelectorAll("button")][COLUMNS.filter((c) => c.value).findIndex((c) => c.id === id)].focus();
  }
  function compare(column, one, other) {
    const [a, b] = [column.value(one), column.value(other)];
    if (a === null || a === undefined) return b === null || b === undefined ? 0 : 1;
    if (b === null || b === undefined) return -1;
    const order = typeof a === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
    return state.down ? -order : order;
  }
  function filter() {
    const terms = find("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    const [ending, fault, grader] = FILTERS.slice(1).map((id) => find(id).value);
    state.matches = cases.filter((line) =>
      (!ending || line.ending === ending) && (!fault || line.fault === fault)
      && (!grader || line.graders[grader] < 1) && terms.every((term) => line.text.includes(term)));
    const column = COLUMNS.find((candidate) => candidate.id === state.sort);
    if (column) state.matches = [...state.matches].sort((one, other) => compare(column, one, other));
    state.shown = STEP;
    drawRows();
  }
  function drawRows() {
    const { matches, shown } = state;
    find("case-table").tBodies[0].replaceChildren(...matches.slice(0, shown).map(row));
    const all = cases.length.toLocaleString("en");
    find("count").textContent = cases.length === 0 ? "No case-trial has finished yet."
      : matches.length === cases.length ? `${all} case-trials` : `${matches.length.toLocaleString("en")} of ${all} case-trials`;
    const left = matches.length - shown;
    find("more").hidden = left <= 0;
    find("more").textContent = `Show ${Math.min(STEP, left).toLocaleString("en")} more of ${matches.length.toLocaleString("en")}`;
  }
  function row(line) {
    const cells = COLUMNS.map((column) => {
      if (column.id === "key") return make("th", { scope: "row" }, make("a", { href: link(line.key), text: line.key }));
      if (column.id === "ending") return make("td", {}, badge(line.ending));
      if (column.id === "said") return make("td", { class: "said" }, make("span", { class: "cut", text: line.said }),
        make("span", { class: "cut why", text: line.why || line.calls || line.answered }));
      const value = column.value(line);
      const text = column.id === "grade" ? grade(value) : column.id === "cost_usd" ? usd(value) : ms(value);
      return make("td", { class: "num", "data-name": column.name, text });
    });
    return make("tr", { onclick: (event) => { if (!event.target.closest("a") && !getSelection().toString()) location.hash = link(line.key); } }, ...cells);
  }
  const link = (key) => `#case/${encodeURIComponent(key)}`;

  function options(select, values) {
    select.append(...values.map((value) => make("option", { value, text: value })));
    select.closest("label").hidden = values.length === 0;
  }
  const distinct = (values) => [...new Set(values.filter(Boolean))].sort();

  function choose(id, value) {
    for (const filterId of FILTERS) find(filterId).value = filterId === id ? value : "";
    filter();
    find("cases").scrollIntoView();
    find("cases").focus({ preventScroll: true });
  }

  // --- one case ---

  function open(key) {
    const place = placeOf.get(key);
    const view = find("case");
    const detail = place === undefined ? null : JSON.parse(find(`case-${place}`).textContent);
    if (!view.hidden || detail) silence();
    const title = make("h1", { tabindex: "-1", text: key });
    view.replaceChildren(navigation(key), title,
      ...(detail ? content(cases[place], detail) : [make("p", { text: "This run has no such case." })]));
    if (!find("overview").hidden) { state.scrollTop = scrollY; state.from = key; }
    document.querySelector(".top").hidden = find("overview").hidden = true;
    view.hidden = false;
    document.title = `${key} · evalkit`;
    scrollTo({ top: 0, behavior: "instant" });
    title.focus({ preventScroll: true });
  }
  function close() {
    silence();
    if (find("case").hidden) return;
    find("case").hidden = true;
    document.querySelector(".top").hidden = find("overview").hidden = false;
    document.title = pageTitle;
    scrollTo({ top: state.scrollTop, behavior: "instant" });
    const back = [...document.querySelectorAll("#case-table th a")].find((a) => a.textContent === state.from);
    if (back) back.focus({ preventScroll: true });
  }
  function silence() { for (const player of document.querySelectorAll("audio")) player.pause(); }

  function navigation(key) {
    const order = state.matches.some((line) => line.key === key) ? state.matches : cases;
    const at = order.findIndex((line) => line.key === key);
    const step = (line, text, rel) => line ? make("a", { class: "button", rel, href: link(line.key), text }) : null;
    return make("nav", { class: "bar", "aria-label": "Cases" },
      make("a", { class: "button", href: "#cases", text: "← All cases" }),
      make("span", { class: "soft push", text: at < 0 ? "" : `${at + 1} of ${order.length}` }),
      step(order[at - 1], "Previous", "prev"), step(order[at + 1], "Next", "next"));
  }

  function content(line, detail) {
    return [
      make("div", { class: "summary" }, badge(line.ending), make("span", { text: `lowest grade ${grade(line.grade)}` }),
        make("span", { class: "soft", text: `trial ${detail.trial}` }),
        make("span", { class: "soft", text: seconds(detail.duration_ms) }),
        ...detail.files.map((file) => make("a", { href: file.href, text: file.name }))),
      failure(detail), timeline(detail), transcript(detail), verdicts(detail), events(detail), more(detail),
    ].filter(Boolean);
  }
  function card(title, ...children) {
    return make("section", { class: "card", "aria-label": title }, make("h2", { text: title }), ...children.filter(Boolean));
  }
  function failure(detail) {
    if (!detail.failure) return null;
    const { stage, error_type: kind, message } = detail.failure;
    const counts = detail.scored ? "It counts against the assistant." : "It is left out of every mean.";
    return make("div", { class: "note bad" },
      make("p", {}, make("strong", { text: `Broke off at ${stage}: ${kind}` }), ` (fault: ${detail.fault}). ${counts}`),
      make("p", { text: message }));
  }

  const SHOWN = ["user", "input", "clean_user", "clean_input", "assistant", "output"];
  const MAIN = ["user", "input", "assistant", "output"];
  function player(sound, turn) {
    const name = turn ? `Turn ${turn.turn_index}, ${sound.name}` : sound.name;
    const audio = make("audio", { controls: true, preload: "none", src: sound.src, "aria-label": name });
    audio.dataset.kind = sound.kind;
    if (turn) audio.dataset.turn = turn.turn_index;
    return make("div", { class: "player" }, turn && MAIN.includes(sound.kind) ? null : make("span", { text: sound.name }), audio);
  }

  // --- timeline ---

  const PX_PER_S = 24, MOST_SCALE = 64;

  function timeline(detail) {
    const { lanes: used, duplex, constructed, duration_ms: duration, left_out: leftOut } = detail.timeline;
    const whole = detail.sounds.find((sound) => sound.kind === "conversation");
    const blocks = detail.timeline.blocks.map(([lane, turn, start, end, label, kind, name, level, room]) =>
      ({ lane, turn, start, end, label, kind, name, level, room, playable: Boolean(duplex ? whole : soundOf(detail, lane, turn)) }));
    if (!blocks.length) return null;
    const first = duplex ? 0 : Math.min(...blocks.map((b) => b.start));
    const last = duplex ? duration : Math.max(...blocks.map((b) => b.end));
    const span = Math.max(1, last - first);
    const at = (value) => `${(100 * (value - first)) / span}%`;
    const sized = (node, levels) => { node.style.setProperty("--levels", levels); return node; };
    const names = used.map(([, name, levels]) => sized(make("span", { class: "name", text: name }), levels));
    const axis = make("div", { class: "axis", "aria-hidden": "true" });
    const stage = make("div", { class: "stage" }, ...used.map(([id, name, levels]) => {
      const own = blocks.filter((b) => b.lane === id || (id === "assistant" && b.lane === "wait"));
      return sized(make("div", { class: "lane", role: "group", "aria-label": name }, ...own.map((block) => drawBlock(block, at, span, duplex))), levels);
    }), ...(duplex ? blocks.filter(isShaded).map((block) => shade(block, at)) : []), axis);
    const isRead = duplex && !blocks.some((block) => block.playable);
    const scroll = make("div", { class: "lanes-scroll", ...(isRead ? { tabindex: "0", role: "region", "aria-label": "Tracks of the call" } : {}) }, stage);
    const how = constructed
      ? `Turns are laid end to end with the measured wait between them${detail.sounds.length ? ": sound was sent faster than anybody speaks" : ""}.`
      : duplex ? "Everything lies where it is in the recording of the call. Striped over all lanes: where both speak, and from an interruption until the assistant is silent. A dotted edge: cut short."
      : "Everything lies where the event log has it.";
    const others = detail.sounds.map((sound) => player(sound));
    const audio = whole && others[detail.sounds.indexOf(whole)].querySelector("audio");
    if (audio) follow(audio, stage, first, span, constructed);
    const plays = !blocks.some((b) => b.playable) ? "" : duplex ? " A block plays the call from there; the arrow keys go from block to block." : " A block plays its turn.";
    if (duplex && audio) hearFrom(stage, audio);
    for (const lane of stage.querySelectorAll(".lane")) rove(lane);
    return card("Timeline", duplex ? scaleChoice(stage, scroll, axis, span) : null,
      make("figure", { class: "lanes-figure" }, make("div", { class: "lanes" }, make("div", { class: "lane-names", "aria-hidden": "true" }, ...names), scroll),
        make("figcaption", { class: "soft", text: `${how} Hatched: ${duplex ? "waiting, and pauses of the caller" : "waiting"}.${plays}` })),
      duplex ? null : fillAxis(axis, span, 5), leftOut.length ? make("p", { class: "soft", text: `The caller was to do this as well, and did not: ${leftOut.join("; ")}.` }) : null,
      ...others, duplex ? inOrder(blocks, used, audio) : null);
  }
  const isShaded = (block) => block.lane === "overlap" || ["yields", "no_yield"].includes(block.kind);
  function shade(block, at) {
    const node = make("div", { class: `shade ${block.lane} is-${block.kind}`, "aria-hidden": "true" });
    node.style.left = at(block.start);
    node.style.right = `calc(100% - ${at(block.end)})`;
    return node;
  }
  /* What a block is, where its lane alone does not say. */
  const isMarked = (block) => ["caller", "reaction"].includes(block.lane) && !["turn", "pause", "silence", ""].includes(block.kind);
  function tell(block) {
    const turn = block.turn === null ? "" : `, turn ${block.turn}`;
    const when = block.end === block.start ? `at ${seconds(block.start)}` : `${seconds(block.start)} to ${seconds(block.end)}`;
    return isMarked(block) ? `${block.name}: ${block.label}${turn}, ${when}` : `${block.name}${turn}, ${when}: ${block.label}`;
  }
  function drawBlock(block, at, span, isScaled) {
    const { playable } = block;
    const told = tell(block);
    const lasts = block.end - block.start;
    const isBeside = isScaled && lasts > 0 && lasts < 3000 && block.room > lasts;
    const wide = isScaled ? lasts >= 500 : lasts / span > 0.05;
    const text = isMarked(block) ? `${block.name}: ${block.label}` : block.label;
    const beside = isBeside ? make("span", { text }) : null;
    if (beside) beside.style.maxWidth = `${(100 * block.room) / lasts}%`;
    const node = make(playable ? "button" : "span", { class: `block ${block.lane}${block.kind ? ` is-${block.kind}` : ""}${isBeside ? " beside" : ""}`, type: playable ? "button" : null,
      title: told, "aria-label": told, role: playable ? null : "img", text: wide && !beside ? text : "",
      onclick: playable ? () => play(block) : null }, beside);
    node.style.left = at(block.start);
    node.style.width = `${(100 * (block.end - block.start)) / span}%`;
    node.style.setProperty("--level", block.level);
    node.dataset.start = block.start;
    return node;
  }
  /* A click beside the blocks plays the call from there, too. */
  function hearFrom(stage, audio) {
    stage.addEventListener("click", (event) => {
      if (event.target.closest(".block")) return;
      const box = stage.getBoundingClientRect();
      hear(audio, ((event.clientX - box.left) / box.width) * Number(stage.dataset.span));
    });
  }
  function hear(audio, atMs) {
    silence();
    audio.currentTime = atMs / 1000;
    audio.play().catch(() => {});
  }
  /* A long call is as wide as it has to be for its words to be read, and is scrolled. */
  function scaleChoice(stage, scroll, axis, span) {
    const scales = [];
    for (let scale = 1; scale <= MOST_SCALE; scale *= 2) scales.push(scale);
    stage.dataset.span = span;
    const select = make("select", {}, ...scales.map((scale) => make("option", { value: scale, text: scale === 1 ? "whole call" : `${scale}×` })));
    const draw = () => {
      const middle = (scroll.scrollLeft + scroll.clientWidth / 2) / stage.clientWidth;
      stage.style.width = `${100 * Number(select.value)}%`;
      fillAxis(axis, span, Math.max(2, Math.floor(stage.clientWidth / 90)));
      scroll.scrollLeft = middle * stage.clientWidth - scroll.clientWidth / 2;
    };
    select.addEventListener("change", draw);
    const seen = new ResizeObserver(() => {
      if (!scroll.clientWidth) return;
      seen.disconnect();
      select.value = scales.find((scale) => scroll.clientWidth * scale >= PX_PER_S * (span / 1000)) || MOST_SCALE;
      draw();
      scroll.scrollLeft = 0;
    });
    seen.observe(scroll);
    return make("label", { class: "scale-choice" }, "Scale ", select);
  }
  function fillAxis(axis, span, most) {
    const all = ticks(span, most);
    axis.replaceChildren(...all.map((tick) => {
      const mark = make("span", { text: seconds(tick, all[1] % 1000 ? 2 : 0) });
      mark.style.left = `${(100 * tick) / span}%`;
      return mark;
    }));
    return null;
  }
  function inOrder(blocks, used, audio) {
    const laneOf = new Map(used);
    const rows = blocks.map((block) => make("tr", {},
      make("td", { class: "num" }, audio ? make("button", { type: "button", class: "quiet", "aria-label": `Hear from ${seconds(block.start, 2)}`, text: seconds(block.start, 2), onclick: () => hear(audio, block.start) }) : seconds(block.start, 2)),
      make("td", { class: "num", text: block.end === block.start ? "" : seconds(block.end - block.start, 2) }),
      make("td", { text: laneOf.get(block.lane) || laneOf.get("assistant") }), make("td", { text: block.name }), make("td", { text: block.label })));
    return foldable(`Everything in order: ${blocks.length}`, scrollable("Everything in order", make("table", { class: "order" },
      make("thead", {}, make("tr", {}, ...["from", "for", "track", "what", "words"].map((name) => make("th", { scope: "col", text: name })))), make("tbody", {}, ...rows))));
  }
  const LANE_SOUNDS = { caller: ["user", "input"], assistant: ["assistant", "output"] };
  function soundOf(detail, lane, turnIndex) {
    const turn = detail.turns.find((candidate) => candidate.turn_index === turnIndex);
    return turn && turn.sounds.find((sound) => (LANE_SOUNDS[lane] || []).includes(sound.kind));
  }
  function play(block) {
    const whole = document.querySelector("#case audio[data-kind=conversation]");
    const kinds = LANE_SOUNDS[block.lane];
    const sound = [...document.querySelectorAll("#case audio")].find((audio) =>
      audio.dataset.turn === String(block.turn) && kinds?.includes(audio.dataset.kind));
    if (document.querySelector("#case .stage[data-span]")) hear(whole, block.start);
    else if (sound) hear(sound, 0);
  }
  function ticks(span, most) {
    const step = [100, 250, 500, 1000, 2000, 5000, 10000, 20000, 30000, 60000, 120000, 300000, 600000]
      .find((candidate) => span / candidate <= most) || span;
    const found = [];
    for (let tick = 0; tick <= span; tick += step) found.push(tick);
    return found;
  }
  /* A line over the lanes shows where the recording of the whole call is. It begins with the case in a paced call. */
  function follow(audio, stage, first, span, constructed) {
    const head = make("div", { class: "playhead", hidden: true });
    stage.append(head);
    audio.addEventListener("timeupdate", () => {
      const share = (audio.currentTime * 1000 - (constructed ? 0 : first)) / span;
      head.hidden = share < 0 || share > 1;
      head.style.left = `${100 * share}%`;
      const scroll = stage.parentElement, x = share * stage.clientWidth;
      if (!audio.paused && (x < scroll.scrollLeft || x > scroll.scrollLeft + scroll.clientWidth)) scroll.scrollLeft = x - 40;
    });
  }

  // --- words, grades, events ---

  function transcript(detail) {
    if (!detail.turns.length) return null;
    const isSpoken = detail.turns.some((turn) => turn.sounds.length || turn.latencies.latency_first_audio_ms !== undefined);
    return card("Transcript", ...detail.turns.map((turn) => {
      const sounds = (kinds) => turn.sounds.filter((sound) => kinds.includes(sound.kind)).map((sound) => player(sound, turn));
      const measured = Object.entries(turn.latencies).map(([name, value]) => [words(name), `${ms(value)} ms`]);
      const used = Object.entries(turn.usage).filter(([name]) => /^(in|out)put_tokens$/.test(name)).map(([name, count]) => [words(name), count]);
      const verdictsHere = detail.grades.filter((given) => given.turn_index === turn.turn_index);
      return make("article", { class: "turn", "aria-label": `Turn ${turn.turn_index}` },
        make("h3", { text: `Turn ${turn.turn_index}${["completed", "stop"].includes(turn.status) ? "" : ` · ${turn.status}`}` }),
        said("caller", isSpoken ? "Caller" : "User", turn.user_text || (turn.steps.some((step) => step.kind === "caller_words") ? null : ""), ...sounds(["user", "input", "clean_user", "clean_input"])),
        typeof turn.heard_text === "string" ? make("p", { class: "measured soft", text: `Heard as: ${turn.heard_text || "(nothing)"}` }) : null,
        ...steps(turn, sounds(["assistant", "output"])),
        turn.order_is_known ? null : make("p", { class: "measured soft", text: "This record does not say which of the words came before a tool call." }),
        make("p", { class: "measured" }, ...verdictsHere.map(verdictChip), ...chips([...measured, ...used])));
    }), expected(detail));
  }
  /* What the assistant did, in order; the recording of the whole turn stands beside its last words. */
  function steps(turn, players) {
    const last = turn.steps.findLastIndex((step) => step.kind === "words");
    const shown = turn.steps.map((step, place) => ({
      words: () => said("assistant", "Assistant", step.text, ...(place === last ? players : [])),
      caller_words: () => said("caller", ["interruption", "turn"].includes(step.act) ? "Caller" : `Caller, not to the assistant (${words(step.act)})`, step.text),
      tool_call: () => said("tool", `Tool call: ${step.name}${step.answered ? "" : " (not answered)"}`, null, make("pre", { text: json(step.arguments) })),
      tool_output: () => said("tool", `Tool output: ${step.name}`, null, make("pre", { text: json(step.output) })),
    })[step.kind]());
    return last < 0 ? [...shown, said("assistant", "Assistant", "", ...players)] : shown;
  }
  function holdsCode(text) {
    return /^(```|~~~)/m.test(text);
  }
  function said(side, who, text, ...rest) {
    const told = [make("span", { class: "who", text: who }), text === null ? null : make(holdsCode(text) ? "pre" : "p", { text: text || "(nothing)" })];
    if (side === "tool") return make("div", { class: "say tool" }, make("div", {}, ...told.filter(Boolean), ...rest.filter(Boolean)));
    return make("div", { class: `say ${side}` }, make("div", {}, ...told.filter(Boolean)), rest.length ? make("div", {}, ...rest) : null);
  }
  function verdictChip(given) {
    const kind = given.grade === null ? "ungraded" : given.grade < 1 ? "failed" : "passed";
    return make("span", { class: `badge ${kind}`, title: given.rationale },
      make("span", { class: "sign", "aria-hidden": "true", text: SIGNS[kind] }), ` ${given.grader_id}${given.grade === null ? "" : ` ${grade(given.grade)}`}`);
  }
  function expected(detail) {
    if (detail.expects_no_call) return make("p", {}, make("strong", { text: "Expected: " }), "no tool call");
    if (!detail.expected.length) return null;
    return make("div", {}, make("h3", { text: "Expected tool calls" }), ...detail.expected.map((call) =>
      make("pre", { text: `${call.name} ${JSON.stringify(call.arguments)}` })));
  }
  function verdicts(detail) {
    if (!detail.grades.length) return null;
    const given = detail.grades.filter((one) => one.grade !== null).sort((one, other) => one.grade - other.grade);
    const missing = detail.grades.filter((one) => one.grade === null);
    return card("Grades", given.length ? verdictTable("Table of grades", given) : null,
      missing.length ? foldable(`Not graded: ${missing.length}`, verdictTable("Not graded", missing)) : null);
  }
  function verdictTable(name, grades) {
    const rows = grades.map((given) => make("tr", {}, make("th", { scope: "row", text: given.grader_id }),
      given.turn_index === null ? make("td", { text: "whole" }) : make("td", { "data-name": "turn", text: given.turn_index }), make("td", {}, verdictSign(given)),
      make("td", { class: "why" }, make("div", { text: given.rationale }),
        ...given.evidence.map((text) => make("blockquote", { text })),
        make("div", { class: "soft", text: [given.identity, ...Object.entries(given.judge).map(([k, v]) => `${words(k)} ${k.endsWith("sha256") ? v.slice(0, 12) : v}`)].join(" · ") }))));
    return scrollable(name, make("table", { class: "grades" },
      make("thead", {}, make("tr", {}, ...["grader", "turn", "grade", "why"].map((name) => make("th", { scope: "col", text: name })))),
      make("tbody", {}, ...rows)));
  }
  function verdictSign(given) {
    const kind = given.grade === null ? "ungraded" : given.grade < 1 ? "failed" : "passed";
    const text = given.grade === null ? " not graded" : ` ${grade(given.grade)}`;
    return make("span", { class: `badge ${kind}` }, make("span", { class: "sign", "aria-hidden": "true", text: SIGNS[kind] }), text);
  }
  function scrollable(name, table) {
    return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name }, table);
  }
  function events(detail) {
    if (!detail.events.total) return null;
    const rows = detail.events.lines.map(([at, source, direction, turn, type, count, told]) => make("tr", { class: type === "error" ? "error" : null },
      make("td", { class: "num", text: at.toFixed(1) }), make("td", { text: source }), make("td", { text: direction === "sent" ? "→ sent" : "← received" }),
      make("td", { class: "num", text: turn }), make("td", { text: count > 1 ? `${type} ×${count}` : type }), make("td", { text: told })));
    const table = make("table", { class: "events" }, make("thead", {}, make("tr", {},
      ...["ms", "session", "direction", "turn", "event", "says"].map((name) => make("th", { scope: "col", text: name })))), make("tbody", {}, ...rows));
    const file = detail.files.find((candidate) => candidate.name.startsWith("events/"));
    return make("section", { class: "card" }, foldable(`Event log: excerpt, ${detail.events.shown.toLocaleString("en")} of ${detail.events.total.toLocaleString("en")} events`,
      file ? make("p", { class: "soft" }, "Events that only repeat others are left out here. All: ", make("a", { href: file.href, text: file.name })) : null,
      scrollable("Event log", table)));
  }
  function more(detail) {
    const costs = Object.entries(detail.cost_usd).map(([role, value]) => [role, usd(value)]);
    const tries = detail.attempts.map((attempt) => [`attempt ${attempt.number}`,
      `${seconds(attempt.duration_ms)}${attempt.failure ? `, ${attempt.failure.stage}: ${attempt.failure.message}` : ""}`]);
    const facts = [["seed", detail.seed], ["served model", detail.served_model || "–"], ["started at", detail.started_at]];
    return make("section", { class: "card" },
      foldable("Cost, attempts, identity", pairs([...costs.map(([role, value]) => [`${role} cost`, value]), ...tries, ...facts])),
      Object.keys(detail.inputs).length ? foldable("Case as it was given", keys({ ...detail.inputs, ...detail.extra })) : null,
      Object.keys(detail.notes).length ? foldable("Notes", keys(detail.notes)) : null,
      detail.turns.length ? foldable("Measurements and further recordings, by turn", ...detail.turns.map((turn) => make("div", {},
        make("h3", { text: `Turn ${turn.turn_index}` }), make("p", {}, ...chips([...Object.entries(turn.measures), ...Object.entries(turn.usage)])),
        ...turn.sounds.filter((sound) => !SHOWN.includes(sound.kind)).map((sound) => player(sound, turn))))) : null);
  }
  function keys(values) {
    return make("table", { class: "plain keys" }, make("tbody", {}, ...Object.entries(values).map(([name, value]) =>
      make("tr", {}, make("th", { scope: "row", text: name }), make("td", { text: value })))));
  }

  // --- beginning ---

  /* A region that scrolls is a stop on the way of the tab key; one that does not is none. */
  function mindScrolling() {
    for (const region of document.querySelectorAll(".scroll")) {
      if (region.scrollWidth > region.clientWidth) region.setAttribute("tabindex", "0");
      else region.removeAttribute("tabindex");
    }
  }

  const pageTitle = document.title;
  function route() {
    const match = location.hash.match(/^#case\/(.+)$/);
    if (match) open(decodeURIComponent(match[1])); else close();
    mindScrolling();
  }
  options(find("ending"), distinct(cases.map((line) => line.ending)));
  options(find("fault"), distinct(cases.map((line) => line.fault)));
  options(find("grader"), index.graders.filter((name) => cases.some((line) => line.graders[name] < 1)));
  drawHead();
  filter();
  find("find").addEventListener("input", filter);
  for (const id of FILTERS.slice(1)) find(id).addEventListener("change", filter);
  find("filters").addEventListener("reset", (event) => {
    event.preventDefault();
    for (const id of FILTERS) find(id).value = "";
    filter();
  });
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("more").addEventListener("click", () => { state.shown += STEP; drawRows(); });
  for (const button of document.querySelectorAll("[data-ending], [data-fault], [data-grader]")) {
    const [id, value] = Object.entries(button.dataset)[0];
    button.addEventListener("click", () => choose(id, value));
  }
  for (const button of document.querySelectorAll("[data-shows]")) {
    button.addEventListener("click", () => { find(button.dataset.shows).hidden = false; button.remove(); });
  }
  addEventListener("hashchange", route);
  addEventListener("resize", mindScrolling);
  route();
})();
