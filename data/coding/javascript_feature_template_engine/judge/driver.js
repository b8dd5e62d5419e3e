'use strict';

const path = require('path');

const WORKSPACE = process.cwd();

function call(fn, args) {
  if (fn !== 'render') throw new Error(`unknown function ${fn}`);
  const { render } = require(path.join(WORKSPACE, 'src', 'template.js'));
  try {
    return render(...args);
  } catch (error) {
    if (error === null || typeof error !== 'object' || error.name !== 'TemplateError') throw error;
    return ['TemplateError', error.template, error.line, error.column];
  }
}

module.exports = { call };
