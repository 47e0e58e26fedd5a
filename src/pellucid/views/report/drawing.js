// SPDX-License-Identifier: Apache-2.0
// Response maps in color: small ones, and one laid over a photograph as heat or as a mask.
window.pellucidDrawing = (function () {
  "use strict";

  function numbers(words, Kind) {
    var text = window.atob(words);
    var bytes = new Uint8Array(text.length);
    for (var place = 0; place < text.length; place += 1) bytes[place] = text.charCodeAt(place);
    return new Kind(bytes.buffer);
  }

  // The color at `share` (0..1) of a palette of evenly spaced stops.
  function mixed(palette, share) {
    var at = Math.max(0, Math.min(share, 1)) * (palette.length - 1);
    var low = Math.min(Math.floor(at), palette.length - 2);
    var part = at - low;
    return palette[low].map(function (value, channel) {
      return value + (palette[low + 1][channel] - value) * part;
    });
  }

  // Dark to light; where signs differ, blue over white to red, as the figures of an atlas are.
  function colors(values, palettes) {
    var low = Infinity;
    var high = -Infinity;
    values.forEach(function (value) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    });
    var signed = low < 0 && high > 0;
    var reach = Math.max(-low, high);
    var span = high - low || 1;
    return function (value) {
      return signed
        ? mixed(palettes.signed, value / reach / 2 + 0.5)
        : mixed(palettes.oneSided, (value - low) / span);
    };
  }

  function drawMap(canvas, values, width, height, palettes) {
    canvas.width = width;
    canvas.height = height;
    var pen = canvas.getContext("2d");
    var picture = pen.createImageData(width, height);
    var color = colors(values, palettes);
    values.forEach(function (value, place) {
      picture.data.set(color(value), 4 * place);
      picture.data[4 * place + 3] = 255;
    });
    pen.putImageData(picture, 0, 0);
  }

  // For each of `count` pixels, `scale` item pixels wide, between which two of the middles it lies and how far on.
  function between(middles, count, scale) {
    var low = new Int32Array(count);
    var part = new Float64Array(count);
    var at = 0;
    for (var pixel = 0; pixel < count; pixel += 1) {
      var x = (pixel + 0.5) * scale;
      while (at < middles.length - 2 && middles[at + 1] <= x) at += 1;
      low[pixel] = at;
      var span = middles.length > 1 ? middles[at + 1] - middles[at] : 1;
      part[pixel] = middles.length > 1 ? Math.max(0, Math.min((x - middles[at]) / span, 1)) : 0;
    }
    return { low: low, part: part };
  }

  // A function (x, y) of the canvas's pixels: the response there, linear between the cells' middles; null outside what was fed.
  function field(values, maps, plate, width, height) {
    var scale = plate.width / width;
    var across = between(maps.x, width, scale);
    var down = between(maps.y, height, plate.height / height);
    var columns = maps.x.length;
    var left = plate.fed[0] / scale;
    var right = plate.fed[2] / scale;
    var top = (plate.fed[1] * height) / plate.height;
    var bottom = (plate.fed[3] * height) / plate.height;
    return function (x, y) {
      if (x + 0.5 < left || x + 0.5 > right || y + 0.5 < top || y + 0.5 > bottom) return null;
      var row = down.low[y];
      var column = across.low[x];
      var nextRow = Math.min(row + 1, maps.y.length - 1);
      var nextColumn = Math.min(column + 1, columns - 1);
      var p = across.part[x];
      var upper = values[row * columns + column] * (1 - p) + values[row * columns + nextColumn] * p;
      var lower = values[nextRow * columns + column] * (1 - p) + values[nextRow * columns + nextColumn] * p;
      return upper * (1 - down.part[y]) + lower * down.part[y];
    };
  }

  function heat(pixels, at, response, reach, palettes) {
    var share = Math.abs(response) / reach;
    var gray = 0.299 * pixels[at] + 0.587 * pixels[at + 1] + 0.114 * pixels[at + 2];
    var color = response >= 0 ? mixed(palettes.warm, share) : palettes.cool;
    var cover = (response >= 0 ? 0.95 : 0.5) * Math.pow(share, 0.8);
    for (var channel = 0; channel < 3; channel += 1) {
      pixels[at + channel] = gray + (color[channel] - gray) * cover;
    }
  }

  function veil(pixels, at, seen, palettes) {
    if (seen) return;
    for (var channel = 0; channel < 3; channel += 1) {
      pixels[at + channel] += (palettes.veil[channel] - pixels[at + channel]) * 0.88;
    }
  }

  // The photograph with one unit's map over it.
  function drawOver(canvas, photo, values, maps, plate, how, palettes) {
    var width = Math.min(photo.naturalWidth, 720);
    var height = Math.max(Math.round((width * photo.naturalHeight) / photo.naturalWidth), 1);
    canvas.width = width;
    canvas.height = height;
    var pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(photo, 0, 0, width, height);
    var picture = pen.getImageData(0, 0, width, height);
    var response = field(values, maps, plate, width, height);
    var reach = values.reduce(function (most, value) {
      return Math.max(most, Math.abs(value));
    }, 0) || 1;
    if (how.reach) reach = how.reach;
    for (var y = 0; y < height; y += 1) {
      for (var x = 0; x < width; x += 1) {
        var value = response(x, y);
        var at = 4 * (y * width + x);
        if (how.mode === "mask") veil(picture.data, at, value !== null && value >= how.threshold, palettes);
        else heat(picture.data, at, value || 0, reach, palettes);
      }
    }
    pen.putImageData(picture, 0, 0);
  }

  return { drawMap: drawMap, drawOver: drawOver, numbers: numbers };
})();
