'use strict';

const { plainText } = require('./inline');
const { Slugger } = require('./slug');

const BEGIN = '<!-- toc -->';
const END = '<!-- /toc -->';

/** The headings of a Markdown file: `{level, text, slug, line, omitted}`. */
function headings(markdown) {
  const slugger = new Slugger();
  const found = [];
  markdown.split('\n').forEach((line, index) => {
    const match = /^(#{1,6}) (.*)$/.exec(line);
    if (match !== null) {
      const text = plainText(match[2]);
      found.push({ level: match[1].length, text, slug: slugger.slug(text), line: index + 1, omitted: false });
    }
  });
  return found;
}

/** Puts the table of contents between the markers of a Markdown file. */
function insertToc(markdown, { minLevel = 2, maxLevel = 4 } = {}) {
  const begin = markdown.indexOf(BEGIN);
  if (begin === -1) {
    return markdown;
  }
  const end = markdown.indexOf(END);
  const after = end === -1 ? `${END}${markdown.slice(begin + BEGIN.length)}` : markdown.slice(end);
  const items = headings(after)
    .filter(({ level }) => level >= minLevel && level <= maxLevel)
    .map(({ level, text, slug }) => `${'  '.repeat(level - minLevel)}- [${text}](#${slug})`);
  return `${markdown.slice(0, begin)}${BEGIN}\n\n${items.join('\n')}\n\n${after}`;
}

module.exports = { headings, insertToc };
