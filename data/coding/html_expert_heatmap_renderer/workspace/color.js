'use strict';

(() => {
  /** The channels (0-255) of `#rrggbb` or `#rgb`. */
  function parse(color) {
    return color.slice(1).match(/../g).map((part) => parseInt(part, 16));
  }

  /** The colour at a place from 0 to 1 among evenly spaced colours, as channels. */
  function mix(colors, place) {
    const stops = colors.map(parse);
    const from = stops[0];
    const to = stops[stops.length - 1];
    return from.map((channel, index) => Math.floor(channel + (to[index] - channel) * place));
  }

  /** Black or white, whichever can be read better on a colour. */
  function textColor([red, green, blue]) {
    return (red + green + blue) / 3 > 127 ? '#000000' : '#ffffff';
  }

  /** The colour as CSS has it. */
  function css(channels) {
    return `rgb(${channels.join(', ')})`;
  }

  window.HeatmapColor = { parse, mix, textColor, css };
})();
