'use strict';

/** A mistake in a template: which template (null: the main one), and where its tag begins (from 1). */
class TemplateError extends Error {
  constructor(message, { template = null, line = 1, column = 1 } = {}) {
    super(`${template === null ? 'template' : template}:${line}:${column}: ${message}`);
    this.name = 'TemplateError';
    this.template = template;
    this.line = line;
    this.column = column;
  }
}

module.exports = { TemplateError };
