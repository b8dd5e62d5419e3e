'use strict';

/** The text of a heading without its markup. */
function plainText(content) {
  return content
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[*_`]/g, '')
    .trim();
}

module.exports = { plainText };
