'use strict';

const fs = require('fs');
const path = require('path');
const vm = require('vm');
const { JSDOM, VirtualConsole } = require('jsdom');

const WORKSPACE = process.cwd();
const CELL_CLASSES = ['missing', 'below', 'above'];
const NAMED_COLORS = { black: 'rgb(0, 0, 0)', white: 'rgb(255, 255, 255)' };

/** A colour as the DOM has it, always written as `rgb(…)`. */
function color(text) {
  return Object.hasOwn(NAMED_COLORS, text) ? NAMED_COLORS[text] : text;
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

/** A user at the page: uses mouse and keys, and looks. */
class User {
  constructor(window) {
    this.window = window;
    this.document = window.document;
    this.container = window.document.getElementById('heatmap');
    this.hovered = null;
  }

  render(data, options) {
    this.hovered = null;
    const given = this.window.JSON.parse(JSON.stringify([data, options === undefined ? null : options]));
    if (options === undefined) this.window.Heatmap.render(given[0]);
    else this.window.Heatmap.render(given[0], given[1]);
  }

  rows() {
    return [...this.container.querySelectorAll('tbody tr')].map((row) => [...row.querySelectorAll('td')]);
  }

  cell(row, column) {
    return this.rows()[row][column];
  }

  position(element) {
    const rows = this.rows();
    for (let row = 0; row < rows.length; row += 1) {
      const column = rows[row].indexOf(element);
      if (column !== -1) return [row, column];
    }
    return null;
  }

  /** Positions of the cells that fit. */
  where(fits) {
    return this.rows()
      .flat()
      .filter(fits)
      .map((cell) => this.position(cell));
  }

  mouse(target, name, more = {}) {
    const bubbles = !['mouseenter', 'mouseleave'].includes(name);
    const event = new this.window.MouseEvent(name, { bubbles, cancelable: bubbles, ...more });
    target.dispatchEvent(event);
    return event;
  }

  /** The mouse moves from where it was onto an element (null: out of the table). */
  moveTo(element) {
    const from = this.hovered;
    if (from !== null && from.isConnected) {
      this.mouse(from, 'mouseout', { relatedTarget: element || this.document.body });
      for (let left = from; left !== null && left !== this.container && !(element && left.contains(element)); left = left.parentElement) {
        this.mouse(left, 'mouseleave', { relatedTarget: element || this.document.body });
      }
    }
    this.hovered = element;
    if (element !== null) {
      this.mouse(element, 'mouseover', { relatedTarget: from || this.document.body });
      this.mouse(element, 'mouseenter', { relatedTarget: from || this.document.body });
    }
  }

  over(row, column) {
    this.moveTo(this.cell(row, column));
  }

  out() {
    this.moveTo(null);
  }

  click(row, column, { shift = false, ctrl = false, meta = false } = {}) {
    const cell = this.cell(row, column);
    const keys = { shiftKey: shift, ctrlKey: ctrl, metaKey: meta };
    if (!this.mouse(cell, 'mousedown', keys).defaultPrevented && cell.isConnected) cell.focus();
    this.mouse(cell, 'mouseup', keys);
    this.mouse(cell, 'click', keys);
  }

  focus() {
    this.container.querySelector('td[tabindex="0"]').focus();
  }

  blur() {
    this.document.activeElement.blur();
  }

  key(key, { ctrl = false, shift = false, alt = false, meta = false } = {}) {
    const keys = { ctrlKey: ctrl, shiftKey: shift, altKey: alt, metaKey: meta };
    const event = new this.window.KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...keys });
    const { activeElement } = this.document;
    activeElement.dispatchEvent(event);
    return event.defaultPrevented;
  }

  table() {
    return [...this.container.querySelectorAll('tr')].map((row) => [...row.children].map((cell) => cell.textContent));
  }

  cells() {
    return this.rows().map((row) =>
      row.map(({ style, classList }) => [color(style.backgroundColor), color(style.color), CELL_CLASSES.filter((name) => classList.contains(name)).join(' ')]),
    );
  }

  labels() {
    return this.rows().map((row) => row.map((cell) => cell.getAttribute('aria-label')));
  }

  legend() {
    return [...this.container.querySelectorAll('ol.legend > li')].map((item) => [item.textContent, color(item.style.backgroundColor)]);
  }

  tabs() {
    const zero = this.where((cell) => cell.getAttribute('tabindex') === '0');
    return [zero, this.where((cell) => cell.getAttribute('tabindex') === '-1').length];
  }

  active() {
    const { activeElement } = this.document;
    if (activeElement === this.document.body) return null;
    return this.position(activeElement) || activeElement.tagName;
  }

  shown() {
    const heads = [...this.container.querySelectorAll('th.active')].map((head) => head.textContent);
    return [heads, this.document.getElementById('status').textContent];
  }

  selection() {
    const selected = this.where((cell) => cell.getAttribute('aria-selected') === 'true');
    const others = this.where((cell) => cell.getAttribute('aria-selected') === 'false').length;
    return [selected, others, this.document.getElementById('selection').textContent];
  }

  markup() {
    const { container } = this;
    const count = (selector) => container.querySelectorAll(selector).length;
    const table = container.querySelector('table');
    return {
      children: [...container.children].map((child) => `${child.tagName.toLowerCase()}.${child.className}`),
      empty: [...container.querySelectorAll('p.empty')].map((text) => text.textContent),
      table: table === null ? null : ['role', 'aria-label', 'aria-multiselectable'].map((name) => table.getAttribute(name)),
      counts: ['thead > tr', 'thead th[scope="col"]', 'tbody th[scope="row"]', 'tbody td.cell[role="gridcell"]', 'b, i, img, script'].map(count),
    };
  }
}

async function run(steps) {
  const window = await openPage();
  const user = new User(window);
  const answers = [];
  const actions = ['render', 'focus', 'blur', 'click', 'over', 'out'];
  const questions = ['key', 'table', 'cells', 'labels', 'legend', 'tabs', 'active', 'shown', 'selection', 'markup'];
  for (const [name, ...args] of steps) {
    if (actions.includes(name)) user[name](...args);
    else if (questions.includes(name)) answers.push(user[name](...args));
    else throw new Error(`unknown step ${name}`);
  }
  window.close();
  return answers;
}

function call(fn, args) {
  if (fn !== 'run') throw new Error(`unknown function ${fn}`);
  return run(...args);
}

module.exports = { call };
