/* Pictures: points with intervals, lines and steps, drawn with uPlot on a canvas. What is drawn is made in Python
   (evalkit/lab/web/charts.py) and stands in the figure as JSON:

     {x: {kind, label}, y: {kind, label}, groups: [{name, joined, points: [[x, y, low, high, name, href], …]}], front?: [[x, y], …], frontName?,
      steps: whether lines go up in steps}

   kind is "time" (seconds since 1970), "ms", "usd", "log-usd", "number", "whole" or "share". Groups are told apart by colour and by shape.
   Whoever brings new figures into a page calls drawCharts(place); what htmx brings is drawn by itself. */

import { colour } from "./lab.js";

const COLOURS = ["--accent", "--second", "--passed", "--failed", "--ungraded", "--fault", "--tool", "--lost"];
const SHAPES = ["circle", "square", "diamond", "triangle", "cross"];
const NEAR_PX = 26;
const FORMATS = {
  time: (seconds) => new Date(seconds * 1000).toLocaleString(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }),
  ms: (ms) => Math.abs(ms) < 10000 ? `${Math.round(ms).toLocaleString()} ms` : `${(ms / 1000).toFixed(1)} s`,
  usd: (usd) => usd === 0 ? "$0" : usd < 0.01 ? `$${usd.toPrecision(2)}` : `$${usd.toFixed(usd < 1 ? 3 : 2)}`,
  number: (value) => value.toLocaleString(undefined, { maximumSignificantDigits: 5 }),
  whole: (value) => value.toLocaleString(),
  share: (share) => `${Math.round(share * 1000) / 10} %`,
};
FORMATS["log-usd"] = FORMATS.usd;

/* A shape round (x, y), as a path. */
function shapePath(shape, x, y, r) {
  const path = new Path2D();
  if (shape === "circle") path.arc(x, y, r, 0, 2 * Math.PI);
  else if (shape === "square") path.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
  else {
    const corners = { diamond: [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]], triangle: [[0, -1.2], [1.15, 0.9], [-1.15, 0.9]],
      cross: [[-1.1, -0.4], [-0.4, -0.4], [-0.4, -1.1], [0.4, -1.1], [0.4, -0.4], [1.1, -0.4], [1.1, 0.4], [0.4, 0.4], [0.4, 1.1], [-0.4, 1.1], [-0.4, 0.4], [-1.1, 0.4]] }[shape];
    corners.forEach(([dx, dy], place) => path[place ? "lineTo" : "moveTo"](x + dx * r, y + dy * r));
    path.closePath();
  }
  return path;
}

function looks(place) {
  return { colour: colour(COLOURS[place % COLOURS.length]), shape: SHAPES[place % SHAPES.length] };
}

function readPicture(figure) {
  const picture = JSON.parse(figure.querySelector("script").textContent);
  picture.all = picture.groups.flatMap((group, place) => group.points.map(([x, y, low, high, name, href]) => ({ x, y, low, high, name, href, place })));
  return picture;
}

/* From the smallest to the largest with room on both sides; a single value gets room too. */
function spread(values, kind) {
  if (kind === "share") return [-0.04, 1.04];
  let low = Math.min(...values), high = Math.max(...values);
  if (kind.startsWith("log")) return [low / 1.6, high * 1.6];
  const room = (high - low) * 0.06 || { time: 1800 }[kind] || Math.abs(high) * 0.2 || 1;
  if (kind !== "time") low = Math.min(low, 0) === 0 ? Math.max(0, low - room) : low;
  return [kind === "time" ? low - room : low - (low > 0 ? 0 : room), high + room];
}

/* Days, or times of day with the day below where it changes, in the reader's zone and way of writing. */
function timeTicks(splits, stepS) {
  const day = (moment) => moment.toLocaleDateString(undefined, { month: "short", day: "numeric" });
  let last = "";
  return splits.map((seconds) => {
    const moment = new Date(seconds * 1000), today = day(moment);
    const told = stepS >= 86400 ? today : moment.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", ...(stepS < 60 && { second: "2-digit" }) }) + (today === last ? "" : `\n${today}`);
    last = today;
    return told;
  });
}

function axis(side, { kind, label }) {
  const text = colour("--soft"), line = colour("--line");
  const shown = kind === "time" ? { values: (_, splits, __, ___, step) => timeTicks(splits, step) } : { values: (_, splits) => splits.map((value) => value === null ? "" : FORMATS[kind](value)) };
  if (kind === "whole") shown.incrs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
  const size = side === 2 ? { size: label || kind === "time" ? 46 : 34, space: kind === "whole" ? 30 : 90 } : { size: 62 };
  return { side, stroke: text, label: label || undefined, labelSize: 16, labelGap: 0, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif",
    grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 }, ...size, ...shown };
}

function draw(u, picture) {
  const { ctx } = u;
  const at = (point) => [u.valToPos(point[0], "x", true), u.valToPos(point[1], "y", true)];
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
  ctx.clip();
  if (picture.front?.length > 1) {
    ctx.strokeStyle = colour("--second");
    ctx.lineWidth = 1.5 * ratio;
    ctx.setLineDash([5 * ratio, 4 * ratio]);
    trace(ctx, picture.front.map(at), true);
    ctx.setLineDash([]);
  }
  picture.groups.forEach((group, place) => {
    const look = looks(place);
    ctx.strokeStyle = ctx.fillStyle = look.colour;
    if (group.joined) {
      ctx.lineWidth = (picture.steps ? 2 : 1.25) * ratio;
      ctx.globalAlpha = picture.steps ? 1 : 0.55;
      trace(ctx, group.points.map(at), picture.steps);
      ctx.globalAlpha = 1;
    }
    if (picture.steps && group.points.length > 30) return;
    for (const [x, y, low, high] of group.points) {
      const [px, py] = at([x, y]);
      if (low !== null && high !== null) drawInterval(ctx, px, u.valToPos(low, "y", true), u.valToPos(high, "y", true), ratio);
      ctx.fill(shapePath(look.shape, px, py, (picture.steps ? 2.5 : 4.5) * ratio));
    }
  });
  ctx.restore();
}

function trace(ctx, places, inSteps) {
  ctx.beginPath();
  places.forEach(([x, y], place) => {
    if (place && inSteps) ctx.lineTo(x, places[place - 1][1]);
    ctx[place ? "lineTo" : "moveTo"](x, y);
  });
  ctx.stroke();
}

function drawInterval(ctx, x, low, high, ratio) {
  ctx.lineWidth = 1.5 * ratio;
  ctx.globalAlpha = 0.6;
  ctx.beginPath();
  for (const y of [low, high]) { ctx.moveTo(x - 3 * ratio, y); ctx.lineTo(x + 3 * ratio, y); }
  ctx.moveTo(x, low);
  ctx.lineTo(x, high);
  ctx.stroke();
  ctx.globalAlpha = 1;
}

function nearest(u, picture) {
  const { left, top } = u.cursor;
  let best = null, distance = NEAR_PX;
  for (const point of picture.all) {
    const away = Math.hypot(u.valToPos(point.x, "x") - left, u.valToPos(point.y, "y") - top);
    if (away < distance) [best, distance] = [point, away];
  }
  return best;
}

function tell(figure, u, picture, point) {
  const tip = figure.querySelector(".chart-tip");
  figure.querySelector(".chart-place").classList.toggle("on-link", Boolean(point?.href));
  tip.hidden = !point;
  if (!point) return;
  const name = document.createElement("strong");
  name.textContent = point.name;
  const { x, y } = picture;
  const range = point.low === null ? "" : ` (${FORMATS[y.kind](point.low)} to ${FORMATS[y.kind](point.high)})`;
  tip.replaceChildren(name, `${y.label} ${FORMATS[y.kind](point.y)}${range}; ${x.label} ${FORMATS[x.kind](point.x)}`);
  const left = u.valToPos(point.x, "x") + u.over.offsetLeft, top = u.valToPos(point.y, "y") + u.over.offsetTop;
  tip.style.left = `${Math.max(0, Math.min(left + 12, figure.clientWidth - tip.offsetWidth - 4))}px`;
  tip.style.top = `${Math.max(0, top - tip.offsetHeight - 10)}px`;
}

function drawLegend(figure, picture) {
  const lines = picture.groups.map((group, place) => [group.name, looks(place)]).filter(([name]) => name);
  if (picture.front?.length > 1) lines.push([picture.frontName, { colour: colour("--second"), shape: "line" }]);
  figure.querySelector(".chart-legend").replaceChildren(...lines.map(([name, look]) => {
    const sign = document.createElement("canvas");
    sign.width = sign.height = 24;
    sign.style.width = sign.style.height = "12px";
    const ctx = sign.getContext("2d");
    ctx.fillStyle = ctx.strokeStyle = look.colour;
    ctx.lineWidth = 3;
    if (look.shape === "line") { ctx.setLineDash([6, 3]); trace(ctx, [[0, 12], [24, 12]], false); }
    else ctx.fill(shapePath(look.shape, 12, 12, 8));
    sign.setAttribute("aria-hidden", "true");
    const line = document.createElement("li");
    const words = document.createElement("span");
    words.textContent = name;
    line.append(sign, words);
    return line;
  }));
}

function drawFigure(figure) {
  const picture = readPicture(figure);
  const place = figure.querySelector(".chart-place");
  figure.plot?.destroy();
  figure.plot = null;
  if (!picture.all.length || !place.clientWidth) return;
  const xs = [...new Set(picture.all.map((point) => point.x))].sort((one, other) => one - other);
  const heights = picture.all.flatMap((point) => [point.y, point.low ?? point.y, point.high ?? point.y]);
  const [lowX, highX] = spread(xs, picture.x.kind), [lowY, highY] = spread(heights, picture.y.kind);
  const options = {
    width: place.clientWidth, height: Number(figure.dataset.height) || 240, legend: { show: false }, pxAlign: 0,
    scales: { x: { time: picture.x.kind === "time", range: () => [lowX, highX], distr: picture.x.kind === "log-usd" ? 3 : 1 }, y: { range: () => [lowY, highY] } },
    axes: [axis(2, picture.x), axis(3, picture.y)],
    cursor: { drag: { x: false, y: false }, points: { show: false }, y: false, x: false },
    series: [{}, { show: true, stroke: "transparent", paths: () => null, points: { show: false } }],
    hooks: { draw: [(u) => draw(u, picture)], setCursor: [(u) => tell(figure, u, picture, u.cursor.left >= 0 ? nearest(u, picture) : null)] },
  };
  figure.plot = new window.uPlot(options, [xs, xs.map(() => null)], place);
  figure.plot.over.addEventListener("click", () => {
    const point = nearest(figure.plot, picture);
    if (point?.href) location.href = point.href;
  });
  drawLegend(figure, picture);
  figure.dataset.drawn = "yes";
}

const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const figure = target.closest("[data-chart]");
    if (figure && figure.plot?.width !== target.clientWidth) drawFigure(figure);
  }
});

export function drawCharts(root = document) {
  for (const figure of root.querySelectorAll("[data-chart]")) {
    drawFigure(figure);
    widths.observe(figure.querySelector(".chart-place"));
  }
}

document.addEventListener("lab:theme", () => drawCharts());
document.addEventListener("htmx:after:swap", () => drawCharts());
drawCharts();
