'use strict';

const { decode, encode } = require('./codec');

/** Cuts a key into the names of its path and says whether the value is to be appended to a list. */
function parseKey(key) {
  const text = decode(key);
  const open = text.indexOf('[');
  if (open <= 0 || !text.endsWith(']')) {
    return { path: [text], append: false };
  }
  const path = [text.slice(0, open), ...text.slice(open + 1, -1).split('][')];
  const append = path[path.length - 1] === '';
  if (append) {
    path.pop();
  }
  return { path, append };
}

/** Puts a value at the end of a path. */
function insert(root, { path, append }, value) {
  let target = root;
  for (const name of path.slice(0, -1)) {
    if (!target[name]) {
      target[name] = {};
    }
    target = target[name];
  }
  const name = path[path.length - 1];
  const present = target[name];
  if (present === undefined) {
    target[name] = append ? [value] : value;
  } else if (append && Array.isArray(present)) {
    present.push(value);
  } else {
    target[name] = [present, value];
  }
}

/** Turns a query string into nested plain data. */
function parse(text) {
  const result = {};
  for (const piece of text.replace(/^\?+/, '').split('&')) {
    if (piece === '') {
      continue;
    }
    const [key, value] = piece.split('=');
    insert(result, parseKey(key), value === undefined ? null : decode(value));
  }
  return result;
}

function isPlainObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The pieces of one value under an already encoded key. */
function pieces(key, value) {
  if (value === undefined || typeof value === 'function') {
    return [];
  }
  if (value === null) {
    return [key];
  }
  if (Array.isArray(value)) {
    return value.flatMap((item) => pieces(`${key}[]`, item));
  }
  if (isPlainObject(value)) {
    return Object.keys(value).flatMap((name) => pieces(`${key}[${encode(name)}]`, value[name]));
  }
  return [`${key}=${encode(value)}`];
}

/** Turns nested plain data into a query string. */
function stringify(value) {
  if (!isPlainObject(value)) {
    throw new TypeError('only a plain object can be written as a query string');
  }
  return Object.keys(value)
    .flatMap((name) => pieces(name, value[name]))
    .join('&');
}

module.exports = { parse, stringify };
