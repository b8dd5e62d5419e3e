'use strict';

const path = require('path');

const WORKSPACE = process.cwd();

/** Data with `{"$js": source}` replaced by the value of that expression. */
function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== 'object' || value === null) return value;
  // eslint-disable-next-line no-new-func
  if (typeof value.$js === 'string') return new Function(`return (${value.$js});`)();
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, revive(item)]));
}

/** Names that every object has got now; they are removed again, so that one call does not spoil the next. */
function leakedNames() {
  const names = [];
  for (const prototype of [Object.prototype, Array.prototype, Function.prototype, String.prototype]) {
    for (const name of Object.keys(prototype)) {
      names.push(name);
      delete prototype[name];
    }
  }
  return names;
}

/** The candidate's functions. A module without them is no TypeError: that is an answer some cases expect. */
function load() {
  let loaded;
  try {
    loaded = require(path.join(WORKSPACE, 'src', 'query.js'));
  } catch (error) {
    throw new Error(`src/query.js cannot be loaded: ${error && error.message}`);
  }
  if (typeof loaded.parse !== 'function' || typeof loaded.stringify !== 'function') {
    throw new Error('src/query.js must export the functions parse and stringify');
  }
  return loaded;
}

function call(fn, args) {
  const { parse, stringify } = load();
  const functions = {
    parse: (text) => parse(text),
    stringify: (value) => stringify(revive(value)),
    roundtrip: (text) => stringify(parse(text)),
  };
  let leaked = [];
  let value;
  try {
    value = functions[fn](...args);
  } finally {
    leaked = leakedNames();
  }
  return leaked.length > 0 ? { value, leaked } : value;
}

module.exports = { call };
