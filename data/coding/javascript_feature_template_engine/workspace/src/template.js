'use strict';

const { TemplateError } = require('./errors');
const { escapeHtml } = require('./escape');

const IF_BLOCK = /\{\{#if (\w+)\}\}([\s\S]*?)\{\{\/if\}\}/g;
const VALUE = /\{\{\s*(\w+(?:\.\w+)*)\s*\}\}/g;

/** Value at the end of a path such as `user.name`. */
function lookUp(path, data) {
  let value = data;
  for (const name of path.split('.')) {
    if (value === null || value === undefined) {
      return undefined;
    }
    value = value[name];
  }
  return value;
}

/** Fills a template with data: `{{path}}` and `{{#if name}}…{{/if}}`. */
function render(template, data, partials = {}) {
  if (typeof template !== 'string') {
    throw new TemplateError('a template must be a text');
  }
  return template
    .replace(IF_BLOCK, (_, name, inner) => (data[name] ? inner : ''))
    .replace(VALUE, (_, path) => {
      const value = lookUp(path, data);
      return value === undefined || value === null ? '' : escapeHtml(String(value));
    });
}

module.exports = { render };
