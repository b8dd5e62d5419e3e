'use strict';

/** Runs jobs, at most `concurrency` at a time. */
class PromisePool {
  constructor({ concurrency }) {
    this.concurrency = concurrency;
    this._queue = [];
    this._running = 0;
  }

  /** Number of jobs in the queue. */
  get waiting() {
    return this._queue.length;
  }

  /** Number of jobs that run. */
  get running() {
    return this._running;
  }

  /** Queues a job; the promise is for its result. */
  add(job) {
    return new Promise((resolve, reject) => {
      this._queue.push({ job, resolve, reject });
      this._startNext();
    });
  }

  pause() {
    throw new Error('not implemented');
  }

  resume() {
    throw new Error('not implemented');
  }

  clear() {
    throw new Error('not implemented');
  }

  onIdle() {
    throw new Error('not implemented');
  }

  close() {
    throw new Error('not implemented');
  }

  /** Calls `mapper` for all items, at most `concurrency` at a time; the results in the order of the items. */
  static async map(items, mapper, { concurrency }) {
    const pool = new PromisePool({ concurrency });
    return Promise.all([...items].map((item, index) => pool.add(() => mapper(item, index))));
  }

  _startNext() {
    while (this._queue.length > 0 && this._running < this.concurrency) {
      const { job, resolve, reject } = this._queue.shift();
      this._running += 1;
      job({ attempt: 1 })
        .then(resolve, reject)
        .finally(() => {
          this._running -= 1;
          this._startNext();
        });
    }
  }
}

module.exports = { PromisePool };
