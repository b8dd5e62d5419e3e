'use strict';

/** Why a waiting job was never run (again): the pool was cleared. */
class PoolClearedError extends Error {
  constructor() {
    super('the pool was cleared');
    this.name = 'PoolClearedError';
  }
}

/** Why a job was not taken: the pool is closed. */
class PoolClosedError extends Error {
  constructor() {
    super('the pool is closed');
    this.name = 'PoolClosedError';
  }
}

module.exports = { PoolClearedError, PoolClosedError };
