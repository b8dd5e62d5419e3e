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

function call(fn, args) {
  const { parse, stringify } = require(path.join(WORKSPACE, 'src', 'query.js'));
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
