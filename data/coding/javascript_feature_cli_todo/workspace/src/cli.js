'use strict';

const { UsageError, parseArguments } = require('./args');

const EMPTY = { nextId: 1, items: [] };

function textOf(words) {
  const text = words.join(' ').trim();
  if (text === '') {
    throw new UsageError('text is missing');
  }
  return text;
}

function add({ words }, state) {
  const item = { id: state.nextId, text: textOf(words), done: false, priority: 'normal', tags: [], due: null };
  return {
    output: [`added #${item.id}: ${item.text}`],
    state: { nextId: state.nextId + 1, items: [...state.items, item] },
  };
}

function list(_, state) {
  const shown = state.items.filter((item) => !item.done);
  const lines = shown.map((item) => `${item.id} [ ] ${item.text}`);
  return { output: [...lines, `${shown.length} of ${state.items.length} items`], state };
}

const COMMANDS = { add, list };

/** Runs one command of the to-do list: `{code, output, state}`. The given state is never changed. */
function run(argv, state, today) {
  const before = state === null ? EMPTY : state;
  try {
    if (argv.length === 0) {
      throw new UsageError('no command');
    }
    const [name, ...rest] = argv;
    const command = COMMANDS[name];
    if (!command) {
      throw new UsageError(`unknown command: ${name}`);
    }
    const { output, state: after } = command(parseArguments(rest), before, today);
    return { code: 0, output, state: after };
  } catch (error) {
    if (error instanceof UsageError) {
      return { code: 1, output: [`error: ${error.message}`], state: before };
    }
    throw error;
  }
}

module.exports = { run };
