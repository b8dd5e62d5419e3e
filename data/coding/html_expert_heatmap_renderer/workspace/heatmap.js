'use strict';

(() => {
  const { parse, mix, textColor, css } = window.HeatmapColor;
  const container = document.getElementById('heatmap');
  const status = document.getElementById('status');
  const selection = document.getElementById('selection');

  const DEFAULTS = {
    title: 'Heat map',
    scale: 'linear',
    colors: ['#f7fbff', '#08306b'],
    missing: '#cccccc',
    unit: '',
    digits: 0,
    steps: 5,
  };

  let current = { data: null, options: null, anchor: null };

  function isMissing(value) {
    return value === null || value === undefined;
  }

  function write(value) {
    return value.toFixed(current.options.digits);
  }

  function withUnit(text) {
    return `${text} ${current.options.unit}`.trim();
  }

  function domain() {
    const all = current.data.values.flat();
    return current.options.domain || [Math.min(...all), Math.max(...all)];
  }

  /** Place of a value between the ends of the domain, from 0 to 1. */
  function place(value) {
    let [low, high] = domain();
    if (current.options.scale === 'log') {
      [low, high, value] = [low, high, value].map(Math.log10);
    }
    return (value - low) / (high - low);
  }

  function labelOf(row, column) {
    const value = current.data.values[row][column];
    const said = isMissing(value) ? 'no value' : withUnit(write(value));
    return `${current.data.rows[row]}, ${current.data.columns[column]}: ${said}`;
  }

  function paint(target, channels) {
    target.style.backgroundColor = css(channels);
    target.style.color = textColor(channels);
  }

  function cells() {
    return [...container.querySelectorAll('.cell')];
  }

  function cellAt(row, column) {
    return cells()[row * current.data.rows.length + column];
  }

  function positionOf(cell) {
    const index = cells().indexOf(cell);
    return [Math.floor(index / current.data.columns.length), index % current.data.columns.length];
  }

  function drawTable() {
    const { rows, columns, values } = current.data;
    const head = columns.map((name) => `<th scope="col">${name}</th>`).join('');
    const body = rows.map((name, row) => {
      const line = columns.map((_, column) => {
        const value = values[row][column];
        const text = isMissing(value) ? '–' : write(value);
        const label = labelOf(row, column);
        return `<td role="gridcell" class="cell" tabindex="0" aria-selected="false" aria-label="${label}">${text}</td>`;
      });
      return `<tr><th scope="row">${name}</th>${line.join('')}</tr>`;
    });
    container.innerHTML =
      `<table role="grid" aria-multiselectable="true" aria-label="${current.options.title}">` +
      `<thead><tr><td></td>${head}</tr></thead><tbody>${body.join('')}</tbody></table><ol class="legend"></ol>`;
  }

  function paintCells() {
    const { missing, colors } = current.options;
    for (const cell of cells()) {
      const [row, column] = positionOf(cell);
      const value = current.data.values[row][column];
      if (isMissing(value)) {
        cell.classList.add('missing');
        paint(cell, parse(missing));
      } else {
        if (current.options.domain) {
          cell.classList.toggle('below', value < current.options.domain[0]);
          cell.classList.toggle('above', value > current.options.domain[1]);
        }
        paint(cell, mix(colors, place(value)));
      }
    }
  }

  function drawLegend() {
    const { steps, colors } = current.options;
    const [low, high] = domain();
    for (let step = 0; step < steps; step += 1) {
      const item = document.createElement('li');
      const [from, to] = [step, step + 1].map((end) => write(low + ((high - low) * end) / steps));
      item.textContent = withUnit(`${from} – ${to}`);
      paint(item, mix(colors, step / (steps - 1)));
      container.querySelector('.legend').append(item);
    }
  }

  function showCell(cell) {
    const [row, column] = positionOf(cell);
    container.querySelectorAll('tbody th')[row].classList.add('active');
    container.querySelectorAll('thead th')[column].classList.add('active');
    const value = current.data.values[row][column];
    const sorted = current.data.values.flat().sort().reverse();
    status.textContent = `${labelOf(row, column)} (rank ${sorted.indexOf(value) + 1} of ${sorted.length})`;
  }

  function hideCell() {
    container.querySelectorAll('.active').forEach((head) => head.classList.remove('active'));
    status.textContent = '';
  }

  function move(cell, event) {
    const [row, column] = positionOf(cell);
    const { rows, columns } = current.data;
    const targets = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      Home: [event.ctrlKey ? 0 : row, 0],
      End: [event.ctrlKey ? rows.length - 1 : row, columns.length - 1],
    };
    const target = targets[event.key];
    if (target) {
      event.preventDefault();
      cellAt(...target).focus();
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      select(cell, event);
    }
  }

  function select(cell, event) {
    if (event.shiftKey && current.anchor) {
      const [top, left] = positionOf(current.anchor);
      const [bottom, right] = positionOf(cell);
      for (const other of cells()) {
        const [row, column] = positionOf(other);
        const inside = row >= top && row <= bottom && column >= left && column <= right;
        other.setAttribute('aria-selected', String(inside));
      }
    } else {
      current.anchor = cell;
      const isSelected = cell.getAttribute('aria-selected') === 'true';
      if (!event.ctrlKey) {
        cells().forEach((other) => other.setAttribute('aria-selected', 'false'));
      }
      cell.setAttribute('aria-selected', String(!isSelected));
    }
    showSelection();
  }

  function showSelection() {
    const values = cells()
      .filter((cell) => cell.getAttribute('aria-selected') === 'true')
      .map((cell) => positionOf(cell))
      .map(([row, column]) => current.data.values[row][column]);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    selection.textContent = `${values.length} cells, mean ${withUnit(write(mean))}`;
  }

  function listen() {
    const onCell = (action) => (event) => {
      const cell = event.target.closest('.cell');
      if (cell) {
        action(cell, event);
      }
    };
    container.addEventListener('focusin', onCell(showCell));
    container.addEventListener('focusout', onCell(hideCell));
    container.addEventListener('mouseover', onCell(showCell));
    container.addEventListener('mouseout', onCell(hideCell));
    container.addEventListener('click', onCell(select));
    container.addEventListener('keydown', onCell(move));
  }

  /** Draws a heat map into `#heatmap`; see the description of data and options. */
  function render(data, options = {}) {
    current = { data, options: { ...DEFAULTS, ...options }, anchor: null };
    drawTable();
    paintCells();
    drawLegend();
    listen();
  }

  window.Heatmap = { render };
})();
