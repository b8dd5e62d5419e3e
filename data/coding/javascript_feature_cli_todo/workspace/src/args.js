'use strict';

/** A mistake of the user: its message is shown after `error: `. */
class UsageError extends Error {
  constructor(message) {
    super(message);
    this.name = 'UsageError';
  }
}

/**
 * Sorts arguments into words and options.
 *
 * So far no option is known: every argument that begins with `--` is refused.
 */
function parseArguments(args) {
  const words = [];
  for (const argument of args) {
    if (argument.startsWith('--')) {
      throw new UsageError(`unknown option: ${argument}`);
    }
    words.push(argument);
  }
  return { words, options: {} };
}

module.exports = { UsageError, parseArguments };
