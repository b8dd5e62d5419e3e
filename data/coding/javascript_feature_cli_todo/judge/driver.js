'use strict';

const path = require('path');

const WORKSPACE = process.cwd();

function call(fn, args) {
  const { run } = require(path.join(WORKSPACE, 'src', 'cli.js'));
  if (fn === 'run') {
    const [argv, given, today] = args;
    const { code, output, state } = run(argv, given, today);
    return { code, output, state, given };
  }
  if (fn === 'session') {
    const [lines, today] = args;
    let state = null;
    const outputs = [];
    for (const argv of lines) {
      const answer = run(argv, state, today);
      outputs.push(answer.output);
      state = answer.state;
    }
    return { outputs, state };
  }
  throw new Error(`unknown function ${fn}`);
}

module.exports = { call };
