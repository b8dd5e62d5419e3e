'use strict';

const path = require('path');

const WORKSPACE = process.cwd();
const DEEPEST_EMISSION = 20;

/** Runs a script of steps on a new emitter; returns the log of what happened. */
function run(listeners, steps) {
  const { Emitter } = require(path.join(WORKSPACE, 'src', 'emitter.js'));
  const emitter = new Emitter();
  const log = [];
  const functions = new Map();
  let depth = 0;

  const listenerOf = (name) => {
    if (!functions.has(name)) {
      functions.set(name, (...values) => {
        log.push(['call', name, ...values]);
        for (const step of listeners[name] || []) take(step);
      });
    }
    return functions.get(name);
  };

  const emit = (event, values) => {
    if (depth >= DEEPEST_EMISSION) {
      log.push(['too deep']);
      return;
    }
    depth += 1;
    try {
      log.push(['emit', emitter.emit(event, ...values)]);
    } catch (error) {
      log.push(['threw', String(error && error.message)]);
    } finally {
      depth -= 1;
    }
  };

  const take = ([kind, ...rest]) => {
    switch (kind) {
      case 'on':
      case 'once':
      case 'prepend':
        if (emitter[kind](rest[0], listenerOf(rest[1])) !== emitter) log.push([kind, 'did not return the emitter']);
        break;
      case 'off':
        log.push(['off', emitter.off(rest[0], listenerOf(rest[1]))]);
        break;
      case 'emit':
        emit(rest[0], rest.slice(1));
        break;
      case 'count':
        log.push(['count', emitter.listenerCount(rest[0])]);
        break;
      case 'names':
        log.push(['names', ...emitter.eventNames()]);
        break;
      case 'throw':
        throw new Error(rest[0]);
      default:
        throw new Error(`unknown step ${kind}`);
    }
  };

  for (const step of steps) take(step);
  return log;
}

function call(fn, args) {
  if (fn !== 'run') throw new Error(`unknown function ${fn}`);
  return run(...args);
}

module.exports = { call };
