/* Runs in the page and returns what a reader would stumble over, as a list of strings. */
const problems = [];
const shown = (node) => node.checkVisibility({ visibilityProperty: true });
const named = (node) => node.getAttribute("aria-label") || node.textContent.trim() || node.title
  || (node.labels && [...node.labels].some((label) => label.textContent.trim()));
for (const node of document.querySelectorAll("button, a[href], input, select, audio, summary, [role=region], form")) {
  const by = node.getAttribute("aria-labelledby");
  if (shown(node) && !named(node) && !(by && document.getElementById(by))) problems.push(`no name: ${node.outerHTML.slice(0, 120)}`);
}
for (const image of document.querySelectorAll("img")) if (!image.alt) problems.push("image without alt");
const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) problems.push(`id twice: ${id}`);
if ([...document.querySelectorAll("main")].filter(shown).length !== 1) problems.push("not exactly one main");
const headings = [...document.querySelectorAll("h1, h2, h3, h4")].filter(shown).map((node) => Number(node.tagName[1]));
if (headings.filter((level) => level === 1).length !== 1) problems.push("not exactly one h1");
headings.forEach((level, n) => { if (n && level > headings[n - 1] + 1) problems.push(`heading level skipped before number ${n}`); });
for (const head of document.querySelectorAll("th")) if (!head.scope) problems.push(`th without scope: ${head.textContent}`);

const channel = (value) => { const share = value / 255; return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4; };
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const colour = (text) => text.match(/[\d.]+/g).map(Number);
function background(node) {
  for (let at = node; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (style.backgroundImage !== "none") return null;
    const [r, g, b, alpha = 1] = colour(style.backgroundColor);
    if (alpha === 1) return [r, g, b];
  }
  return [255, 255, 255];
}
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const seen = new Set();
while (walker.nextNode()) {
  const node = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || seen.has(node) || !shown(node) || node.closest("script, style, noscript, option")) continue;
  seen.add(node);
  const behind = background(node);
  if (!behind) continue;
  const style = getComputedStyle(node);
  const [one, other] = [luminance(colour(style.color)), luminance(behind)].sort((a, b) => b - a);
  const ratio = (one + 0.05) / (other + 0.05);
  const large = parseFloat(style.fontSize) >= 24;
  if (ratio < (large ? 3 : 4.5)) problems.push(`contrast ${ratio.toFixed(2)}: ${node.className} ${node.textContent.trim().slice(0, 40)}`);
}
return [...new Set(problems)];
