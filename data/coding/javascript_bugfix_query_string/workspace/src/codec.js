'use strict';

/** Decodes one text of a query string. */
function decode(text) {
  return decodeURIComponent(text.replace('+', ' '));
}

/** Encodes one text for a query string. */
function encode(text) {
  return encodeURIComponent(text).replace('%20', '+');
}

module.exports = { decode, encode };
