'use strict';

const path = require('path');
const { getEventListeners } = require('events');

const WORKSPACE = process.cwd();

/** Lets all microtasks run, and what node does after them (unhandled rejections). */
async function flush() {
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

function describe(error) {
  if (error === null || typeof error !== 'object') return ['thrown', String(error)];
  if (error.name === 'TypeError' || error.name === 'RangeError') return [error.name];
  return [error.name, error.name === 'AggregateError' ? error.errors.map((one) => one.message) : error.message];
}

/** Gathers what happens in one step. */
class Recorder {
  constructor() {
    this.steps = [];
    this.begin();
  }

  begin() {
    this.step = { start: [], settle: [], log: [] };
  }

  end() {
    this.step.settle.sort(([a], [b]) => (a < b ? -1 : 1));
    this.steps.push(this.step);
    this.begin();
  }

  watch(name, promise) {
    if (promise === null || typeof promise !== 'object' || typeof promise.then !== 'function') {
      this.step.log.push([name, 'no promise']);
      return;
    }
    promise.then(
      (value) => this.step.settle.push([name, 'ok', value === undefined ? null : value]),
      (error) => this.step.settle.push([name, ...describe(error)]),
    );
  }
}

/** Jobs that settle when the driver says so. */
class Jobs {
  constructor(recorder) {
    this.recorder = recorder;
    this.pending = new Map();
  }

  call(name, attempt) {
    this.recorder.step.start.push([name, attempt]);
    return new Promise((resolve, reject) => {
      this.pending.set(name, { resolve, reject });
    });
  }

  settle(how, name, value) {
    const job = this.pending.get(name);
    if (job === undefined) {
      this.recorder.step.log.push([name, 'does not run']);
      return;
    }
    this.pending.delete(name);
    job[how](value);
  }
}

function retryRule(error) {
  if (error.message.startsWith('bad')) throw new Error(`refused ${error.message}`);
  return !error.message.startsWith('fatal');
}

class PoolScript {
  constructor(PromisePool, { fatal, ...options }, recorder) {
    this.pool = new PromisePool(fatal ? { ...options, shouldRetry: retryRule } : options);
    this.recorder = recorder;
    this.jobs = new Jobs(recorder);
    this.signals = new Map();
    this.promises = new Map();
  }

  log(value) {
    this.recorder.step.log.push(value);
  }

  controller(name) {
    if (!this.signals.has(name)) this.signals.set(name, new AbortController());
    return this.signals.get(name);
  }

  add(name, { returns, throws, noFunction, signal, ...options } = {}) {
    const job = (context) => {
      const { attempt, signal: given } = context;
      if (given !== (signal === undefined ? undefined : this.controller(signal).signal)) this.log([name, 'other signal']);
      if (returns === undefined && throws === undefined) return this.jobs.call(name, attempt);
      this.recorder.step.start.push([name, attempt]);
      if (throws !== undefined) throw new Error(throws);
      return returns;
    };
    if (signal !== undefined) options.signal = this.controller(signal).signal;
    const promise = this.pool.add(noFunction ? 'job' : job, options);
    this.promises.set(name, promise);
    this.recorder.watch(name, promise);
  }

  take([kind, ...rest]) {
    const { pool } = this;
    const actions = {
      add: () => this.add(...rest),
      resolve: () => this.jobs.settle('resolve', rest[0], rest[1]),
      reject: () => this.jobs.settle('reject', rest[0], new Error(rest[1])),
      abort: () => this.controller(rest[0]).abort(Object.assign(new Error(rest[1]), { name: 'Stop' })),
      pause: () => pool.pause(),
      resume: () => pool.resume(),
      clear: () => this.log(pool.clear()),
      close: () => this.recorder.watch(rest[0], pool.close()),
      idle: () => this.recorder.watch(rest[0], pool.onIdle()),
      concurrency: () => this.setConcurrency(rest[0]),
      state: () => this.log([pool.waiting, pool.running]),
      listeners: () => this.log(getEventListeners(this.controller(rest[0]).signal, 'abort').length),
      same: () => this.log(this.promises.get(rest[0]) === this.promises.get(rest[1])),
      batch: () => rest[0].forEach((step) => this.take(step)),
    };
    actions[kind]();
  }

  setConcurrency(value) {
    try {
      this.pool.concurrency = value;
    } catch (error) {
      this.log(error.name);
    }
    this.log(this.pool.concurrency);
  }
}

async function runPool(options, steps) {
  const { PromisePool } = require(path.join(WORKSPACE, 'src', 'pool.js'));
  const recorder = new Recorder();
  const script = new PoolScript(PromisePool, options, recorder);
  for (const step of steps) {
    script.take(step);
    await flush();
    recorder.end();
  }
  return recorder.steps;
}

/** An iterator over items that tells what is taken; an item `{"$throw": message}` throws. */
function watched(items, recorder) {
  let index = 0;
  return {
    [Symbol.iterator]() {
      return this;
    },
    next() {
      if (index >= items.length) return { done: true, value: undefined };
      const item = items[index];
      index += 1;
      if (item !== null && typeof item === 'object') throw new Error(item.$throw);
      recorder.step.taken.push(item);
      return { done: false, value: item };
    },
    return() {
      recorder.step.taken.push('return');
      return { done: true, value: undefined };
    },
  };
}

class MapRecorder extends Recorder {
  begin() {
    super.begin();
    this.step.taken = [];
  }
}

async function runMap(items, options, steps) {
  const { PromisePool } = require(path.join(WORKSPACE, 'src', 'pool.js'));
  const recorder = new MapRecorder();
  const jobs = new Jobs(recorder);
  const mapper = (item, index) => {
    if (item === 'throws') {
      recorder.step.start.push([String(index), item]);
      throw new Error(`thrown at ${index}`);
    }
    return jobs.call(String(index), item);
  };
  recorder.watch('map', PromisePool.map(watched(items, recorder), mapper, options));
  await flush();
  recorder.end();
  for (const [how, name, value] of steps) {
    jobs.settle(how, name, how === 'reject' ? new Error(value) : value);
    await flush();
    recorder.end();
  }
  return recorder.steps;
}

async function call(fn, args) {
  const functions = { run: runPool, map: runMap };
  let unhandled = 0;
  const count = () => {
    unhandled += 1;
  };
  process.on('unhandledRejection', count);
  try {
    const steps = await functions[fn](...args);
    await flush();
    return { steps, unhandled };
  } finally {
    process.removeListener('unhandledRejection', count);
  }
}

module.exports = { call };
