'use strict';

/** Escapes a text so that it can stand in HTML, also in an attribute. */
function escapeHtml(text) {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

module.exports = { escapeHtml };
