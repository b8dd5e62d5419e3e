'use strict';

const path = require('path');

const WORKSPACE = process.cwd();

function call(fn, args) {
  const { headings, insertToc } = require(path.join(WORKSPACE, 'src', 'toc.js'));
  const functions = {
    headings: (markdown) => headings(markdown),
    insertToc: (markdown, options) => insertToc(markdown, options),
    twice: (markdown, options) => insertToc(insertToc(markdown, options), options),
  };
  if (!Object.hasOwn(functions, fn)) throw new Error(`unknown function ${fn}`);
  return functions[fn](...args);
}

module.exports = { call };
