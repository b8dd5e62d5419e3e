'use strict';

/** The rules of fields, as `data-rules` names them: each says whether a value (a text) keeps it. */
window.SignupRules = {
  required: (value) => value !== '',
  email: (value) => value.includes('@'),
  min: (value, [least]) => value.length >= Number(least),
};
