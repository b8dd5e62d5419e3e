'use strict';

(() => {
  const form = document.getElementById('signup');
  const messages = {
    required: '{label} is required',
    email: '{label} must be an e-mail address',
    min: '{label} must have at least {0} characters',
  };

  function labelOf(control) {
    return form.querySelector(`label[for="${control.id}"]`).textContent;
  }

  /** The message of the first rule that a field breaks, or null. */
  function problemOf(control) {
    for (const rule of control.dataset.rules.split(' ')) {
      const [name, ...args] = rule.split(':');
      const keeps = window.SignupRules[name];
      if (keeps && !keeps(control.value, args)) {
        return messages[name].replace('{label}', labelOf(control)).replace('{0}', args[0]);
      }
    }
    return null;
  }

  function show(control, problem) {
    const error = document.getElementById(`${control.id}-error`);
    error.textContent = problem || '';
    error.hidden = problem === null;
    control.closest('.field').classList.toggle('is-invalid', problem !== null);
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    for (const control of form.querySelectorAll('input[data-rules], textarea[data-rules]')) {
      show(control, problemOf(control));
    }
  });
})();
