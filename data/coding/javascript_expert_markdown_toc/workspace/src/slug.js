'use strict';

/** Makes the anchors of a file's headings. */
class Slugger {
  constructor() {
    this.counts = new Map();
  }

  /** The anchor of a heading; the second one of the same text gets `-1`, the third one `-2`. */
  slug(text) {
    const base = text.toLowerCase().replace(/[^a-z0-9 -]/g, '').replace(/ /g, '-');
    const count = this.counts.get(base) || 0;
    this.counts.set(base, count + 1);
    return count === 0 ? base : `${base}-${count}`;
  }
}

module.exports = { Slugger };
