'use strict';

const ANY = '*';

/**
 * A small synchronous event emitter.
 *
 * Listeners of an event are kept in a list; `'*'` holds the listeners that hear every event.
 */
class Emitter {
  constructor() {
    this._lists = {};
  }

  /** Adds a listener at the end of the event's list. */
  on(event, listener) {
    this._list(event).push(listener);
    return this;
  }

  /** Adds a listener at the beginning of the event's list. */
  prepend(event, listener) {
    this._list(event).unshift(listener);
    return this;
  }

  /** Adds a listener that is good for one call. */
  once(event, listener) {
    const wrapper = (...values) => {
      listener(...values);
      this.off(event, wrapper);
    };
    return this.on(event, wrapper);
  }

  /** Removes one registration of a listener; says whether there was one. */
  off(event, listener) {
    const list = this._list(event);
    const index = list.indexOf(listener);
    if (index === -1) {
      return false;
    }
    list.splice(index, 1);
    return true;
  }

  /** Calls the listeners of an event, then those of every event; returns how many were called. */
  emit(event, ...values) {
    let called = this._callAll(this._list(event), values);
    if (event !== ANY) {
      called += this._callAll(this._list(ANY), [event, ...values]);
    }
    return called;
  }

  /** Number of registrations of an event. */
  listenerCount(event) {
    return this._list(event).length;
  }

  /** Names of the events that have listeners. */
  eventNames() {
    return Object.keys(this._lists);
  }

  _list(event) {
    if (!this._lists[event]) {
      this._lists[event] = [];
    }
    return this._lists[event];
  }

  _callAll(list, values) {
    let called = 0;
    const { length } = list; // listeners added from here on have to wait
    for (let index = 0; index < length; index += 1) {
      if (list[index]) {
        list[index](...values);
        called += 1;
      }
    }
    return called;
  }
}

module.exports = { Emitter };
