'use strict';

/** Whether a text is written like a date, `YYYY-MM-DD`. */
function isDate(text) {
  return /^\d{4}-\d{2}-\d{2}$/.test(text);
}

/** Whether a date lies before another one. */
function isBefore(date, other) {
  return date < other;
}

module.exports = { isDate, isBefore };
