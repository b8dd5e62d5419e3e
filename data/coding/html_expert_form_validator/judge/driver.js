'use strict';

const fs = require('fs');
const path = require('path');
const vm = require('vm');
const { JSDOM, VirtualConsole } = require('jsdom');

const WORKSPACE = process.cwd();
const SHOWN_CLASSES = ['is-invalid', 'is-valid'];

/** Lets everything run that the page has put off (promises, timers of 0 ms). */
function settle(window) {
  return new Promise((resolve) => {
    window.setTimeout(() => setImmediate(resolve), 5);
  });
}

function read(name) {
  return fs.readFileSync(path.join(WORKSPACE, name), 'utf8');
}

/** Opens the page and runs its scripts in order, as a browser does (but without its file loader, which takes twice the time). */
async function openPage() {
  const options = { url: 'https://page.example/', runScripts: 'dangerously', virtualConsole: new VirtualConsole() };
  const dom = new JSDOM(read('index.html'), options);
  const { window } = dom;
  for (const { src } of window.document.querySelectorAll('script[src]')) {
    const name = new URL(src).pathname.slice(1);
    try {
      new vm.Script(read(name), { filename: name }).runInContext(dom.getInternalVMContext());
    } catch (error) {
      process.stderr.write(`${name}: ${error && error.stack}\n`); // as in a browser: the other scripts run
    }
  }
  if (window.document.readyState !== 'complete') {
    await new Promise((resolve) => {
      window.addEventListener('load', resolve);
    });
  }
  return window;
}

/** A user at the page: moves the focus, types and clicks, and looks. */
class User {
  constructor(window) {
    this.window = window;
    this.document = window.document;
    this.valueAtFocus = null;
    this.prevented = [];
    this.sent = [];
    window.addEventListener('submit', (event) => {
      this.prevented.push(event.defaultPrevented);
      event.preventDefault();
    });
    window.addEventListener('signup:valid', (event) => {
      this.sent.push(JSON.parse(JSON.stringify(event.detail)));
    });
  }

  element(id) {
    return this.document.getElementById(id);
  }

  fire(element, name) {
    element.dispatchEvent(new this.window.Event(name, { bubbles: true }));
  }

  isText(element) {
    return element.tagName === 'TEXTAREA' || (element.tagName === 'INPUT' && !['checkbox', 'radio'].includes(element.type));
  }

  /** What a browser does before the focus moves: a text that was edited has changed. */
  commit() {
    const { activeElement } = this.document;
    if (activeElement && this.isText(activeElement) && activeElement.value !== this.valueAtFocus) this.fire(activeElement, 'change');
  }

  /** Keeps what the focused text was, to know later whether it was edited. */
  remember() {
    const { activeElement } = this.document;
    this.valueAtFocus = this.isText(activeElement) ? activeElement.value : null;
  }

  focus(id) {
    const element = this.element(id);
    if (this.document.activeElement === element) return;
    this.commit();
    element.focus();
    this.remember();
  }

  leave() {
    this.commit();
    this.document.activeElement.blur();
  }

  type(id, text) {
    this.focus(id);
    const element = this.element(id);
    element.value = text;
    this.fire(element, 'input');
  }

  pick(id) {
    this.focus(id);
    this.element(id).click();
  }

  submit() {
    this.focus('send');
    this.prevented = [];
    this.element('send').click();
    return this.prevented.length === 1 ? this.prevented[0] : `${this.prevented.length} events`;
  }

  reset() {
    this.focus('clear');
    this.element('clear').click();
  }

  link(number) {
    const link = this.element('summary').querySelectorAll('a')[number];
    let prevented = null;
    this.window.addEventListener(
      'click',
      (event) => {
        prevented = event.defaultPrevented;
      },
      { once: true },
    );
    this.commit();
    link.click();
    this.remember();
    return prevented;
  }

  look(id) {
    const element = this.element(id);
    const error = this.element(`${id}-error`);
    const { classList } = element.closest('.field');
    return {
      classes: SHOWN_CLASSES.filter((name) => classList.contains(name)),
      invalid: element.getAttribute('aria-invalid'),
      described: element.getAttribute('aria-describedby'),
      error: error.textContent,
      shown: !error.hidden,
    };
  }

  box(id) {
    const element = this.element(id);
    return { hidden: element.closest('.field').hidden, disabled: element.disabled };
  }

  counter() {
    const counter = this.document.querySelector('.counter');
    return [counter.textContent, counter.classList.contains('over')];
  }

  summary() {
    const summary = this.element('summary');
    return {
      hidden: summary.hidden,
      heading: [...summary.querySelectorAll('h2')].map((heading) => heading.textContent),
      links: [...summary.querySelectorAll('ul > li > a')].map((link) => [link.getAttribute('href'), link.textContent]),
      text: summary.textContent.replace(/\s+/g, ''),
    };
  }

  active() {
    const { activeElement } = this.document;
    return activeElement === this.document.body ? null : activeElement.id;
  }
}

async function run(steps) {
  const window = await openPage();
  const user = new User(window);
  const answers = [];
  const actions = ['type', 'pick', 'focus', 'leave', 'reset'];
  const acts = [...actions, 'submit', 'link'];
  const questions = ['submit', 'link', 'look', 'box', 'counter', 'summary', 'active'];
  for (const [name, ...args] of steps) {
    if (actions.includes(name)) user[name](...args);
    else if (questions.includes(name)) answers.push(user[name](...args));
    else if (name === 'sent') answers.push([...user.sent]);
    else throw new Error(`unknown step ${name}`);
    if (acts.includes(name)) await settle(window);
  }
  window.close();
  return answers;
}

function call(fn, args) {
  if (fn !== 'run') throw new Error(`unknown function ${fn}`);
  return run(...args);
}

module.exports = { call };
