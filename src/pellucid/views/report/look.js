// SPDX-License-Identifier: Apache-2.0
// A look: stand on a spot of the photograph and see the units that fire there; choose a unit and see where it fires.
(function () {
  "use strict";
  var look = window.pellucidLook;
  var draw = window.pellucidDrawing;
  var SVG = "http://www.w3.org/2000/svg";
  var FIRST_MAPS = 60; // a few rows; the others when asked
  var plates = [];

  function inWords(value) {
    var size = Math.abs(value);
    var words = String(value);
    if (size !== 0 && (size >= 1e5 || size < 1e-4)) words = value.toExponential(2);
    else if (!Number.isInteger(value)) words = String(Number(value.toPrecision(4)));
    return words.replace(/-/g, "\u2212");
  }

  function element(name, className, words) {
    var made = document.createElement(name);
    if (className) made.className = className;
    if (words !== undefined) made.textContent = words;
    return made;
  }

  // How rare a response is; shares below zero are not known, zero is beyond all.
  // What is above all that was drawn from the data is about as rare as the finest share that so many can tell.
  function rarity(share, layer) {
    if (!(share >= 0)) return "";
    if (share === 0) return "beyond all it did in " + layer.items + " images";
    var words = "top " + String(Number((100 * share).toPrecision(2))) + " %";
    return Math.abs(share - layer.finest) < 1e-4 * layer.finest ? "about the " + words : words;
  }

  function lists(list) {
    return {
      units: draw.numbers(list.units, Uint32Array),
      responses: draw.numbers(list.responses, Float32Array),
      shares: list.shares ? draw.numbers(list.shares, Float32Array) : null
    };
  }

  // A layer's arrays are unpacked when it is first shown.
  function unpacked(layer) {
    if (layer.ready) return layer;
    layer.ready = true;
    layer.tops = lists(layer.tops);
    layer.rare = layer.rare ? lists(layer.rare) : null;
    return layer;
  }

  // Calls `then` with the bytes of a layer's sheet of maps.
  function withSheet(layer, then) {
    if (layer.bytes) return then();
    var picture = new Image();
    picture.onload = function () {
      var canvas = element("canvas");
      canvas.width = picture.naturalWidth;
      canvas.height = picture.naturalHeight;
      var pen = canvas.getContext("2d", { willReadFrequently: true });
      pen.drawImage(picture, 0, 0);
      var pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
      layer.sheetWidth = canvas.width;
      layer.bytes = new Uint8Array(pixels.length / 4);
      for (var place = 0; place < layer.bytes.length; place += 1) layer.bytes[place] = pixels[4 * place];
      then();
    };
    picture.src = layer.maps.sheet;
  }

  // One unit's map from the sheet, in its own responses.
  function mapOf(layer, place) {
    var maps = layer.maps;
    var width = maps.x.length;
    var height = maps.y.length;
    var left = (place % maps.columns) * width;
    var top = Math.floor(place / maps.columns) * height;
    var values = new Float64Array(width * height);
    for (var y = 0; y < height; y += 1) {
      for (var x = 0; x < width; x += 1) {
        var step = layer.bytes[(top + y) * layer.sheetWidth + left + x] - 128;
        values[y * width + x] = (step / 127) * maps.scales[place];
      }
    }
    return values;
  }

  // Where nothing says what a unit looks for, where it fires says at least something.
  function mapTile(layer, unit) {
    var drawn = layer.maps.units.indexOf(unit);
    if (drawn < 0 || !layer.bytes) return null;
    var tile = element("canvas", "looks-for map-tile");
    draw.drawMap(tile, mapOf(layer, drawn), layer.maps.x.length, layer.maps.y.length, look.palettes);
    return tile;
  }

  function pictureOf(layer, unit) {
    var place = layer.pictures ? layer.pictures.places[unit] : undefined;
    if (place === undefined) return mapTile(layer, unit) || element("span", "blank", "no picture");
    var columns = layer.pictures.columns;
    var rows = layer.pictures.rows;
    var made = element("span", "looks-for");
    made.style.backgroundImage = "url(" + layer.pictures.sheet + ")";
    made.style.backgroundSize = 100 * columns + "% " + 100 * rows + "%";
    made.style.backgroundPosition =
      (columns > 1 ? (100 * (place % columns)) / (columns - 1) : 0) +
      "% " +
      (rows > 1 ? (100 * Math.floor(place / columns)) / (rows - 1) : 0) +
      "%";
    return made;
  }

  // What the picture is: from the atlas, or the map that stands in for it.
  function kindOf(layer, unit) {
    return layer.pictures && layer.pictures.kinds[unit] ? layer.pictures.kinds[unit] : "its map here";
  }

  // A bar of colors over [share of the bar, words] ticks.
  function ramp(palette, ticks) {
    var bar = element("div", "ramp");
    var stops = palette.map(function (color) {
      return "rgb(" + color.map(Math.round).join(",") + ")";
    });
    bar.style.backgroundImage = "linear-gradient(to right," + stops.join(",") + ")";
    var under = element("div", "ticks");
    ticks.forEach(function (words) {
      under.append(element("span", "", words));
    });
    return [bar, under];
  }

  // The colors that stand for responses from low to high, as `draw.colors` has them.
  function scaleOf(low, high) {
    var reach = Math.max(-low, high);
    return low < 0 && high > 0
      ? ramp(look.palettes.signed, [inWords(-reach), "0", inWords(reach)])
      : ramp(look.palettes.oneSided, [inWords(low), inWords(high)]);
  }

  function nameOf(layer, unit) {
    return layer.name + ":" + unit + (layer.labels && layer.labels[unit] ? " " + layer.labels[unit] : "");
  }

  function Plate(root, data) {
    this.root = root;
    this.data = data;
    this.photo = root.querySelector(".stage img");
    this.stage = root.querySelector(".stage");
    this.over = root.querySelector(".stage canvas");
    this.large = root.querySelector(".large");
    this.choice = root.querySelector(".layer-choice");
    this.orderChoice = root.querySelector(".order-choice");
    this.mode = root.querySelector(".mode-choice");
    this.sort = root.querySelector(".sort-choice");
    this.cut = root.querySelector(".cut");
    this.unit = null;
    this.pinned = 0;
    this.frames = this.drawFrames();
    this.listen();
    root.querySelectorAll("form").forEach(function (form) {
      form.hidden = false;
    });
    this.showLayer(Number(this.choice.value));
  }

  Plate.prototype.find = function (selector) {
    return this.root.querySelector(selector);
  };

  Plate.prototype.drawFrames = function () {
    var svg = this.stage.querySelector("svg");
    function frame(className) {
      var rect = document.createElementNS(SVG, "rect");
      rect.setAttribute("class", className);
      rect.setAttribute("vector-effect", "non-scaling-stroke");
      svg.append(rect);
      return rect;
    }
    var fed = frame("fed");
    this.place(fed, this.data.fed);
    if (this.data.fed[2] - this.data.fed[0] === this.data.width && this.data.fed[3] - this.data.fed[1] === this.data.height)
      fed.remove();
    return [frame("box-edge"), frame("box"), frame("cell-edge"), frame("cell")];
  };

  Plate.prototype.place = function (rect, box) {
    rect.setAttribute("x", box[0]);
    rect.setAttribute("y", box[1]);
    rect.setAttribute("width", Math.max(box[2] - box[0], 0));
    rect.setAttribute("height", Math.max(box[3] - box[1], 0));
  };

  Plate.prototype.listen = function () {
    var plate = this;
    this.stage.addEventListener("pointermove", function (event) {
      plate.showCell(plate.cellAt(event));
    });
    this.stage.addEventListener("pointerleave", function () {
      plate.showCell(plate.pinned);
    });
    this.stage.addEventListener("click", function (event) {
      plate.pinned = plate.cellAt(event);
      plate.showCell(plate.pinned);
    });
    this.stage.addEventListener("keydown", function (event) {
      plate.walk(event);
    });
    this.choice.addEventListener("change", function () {
      var chosen = Number(plate.choice.value);
      (look.together ? plates : [plate]).forEach(function (each) {
        each.choice.value = String(chosen);
        each.showLayer(chosen);
      });
    });
    this.orderChoice.addEventListener("change", function () {
      plate.showCell(plate.cell);
    });
    this.mode.addEventListener("change", function () {
      plate.showUnit();
    });
    this.cut.addEventListener("input", function () {
      plate.showUnit();
    });
    this.find(".more").addEventListener("click", function () {
      plate.all = true;
      plate.showMaps();
    });
    this.sort.addEventListener("change", function () {
      plate.sorted = true;
      plate.showMaps();
    });
    this.photo.addEventListener("load", function () {
      plate.showUnit();
    });
  };

  // The cell under a pointer: the last whose upper left corner is passed.
  Plate.prototype.cellAt = function (event) {
    var frame = this.stage.getBoundingClientRect();
    var x = ((event.clientX - frame.left) / frame.width) * this.data.width;
    var y = ((event.clientY - frame.top) / frame.height) * this.data.height;
    function place(cuts, at) {
      var found = 0;
      while (found < cuts.length - 2 && cuts[found + 1] <= at) found += 1;
      return found;
    }
    return place(this.layer.down, y) * this.layer.columns + place(this.layer.across, x);
  };

  Plate.prototype.walk = function (event) {
    var columns = this.layer.columns;
    var steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    var step = steps[event.key];
    if (event.key === "Enter") {
      var first = this.listed()[0];
      this.choose(this.unit === first ? null : first);
    } else if (step && !event.ctrlKey && !event.altKey && !event.metaKey) {
      var row = Math.max(0, Math.min(Math.floor(this.pinned / columns) + step[0], this.layer.rows - 1));
      var column = Math.max(0, Math.min((this.pinned % columns) + step[1], columns - 1));
      this.pinned = row * columns + column;
      this.showCell(this.pinned);
    } else {
      return;
    }
    event.preventDefault();
  };

  Plate.prototype.showLayer = function (place) {
    this.layer = unpacked(this.data.layers[place]);
    this.unit = null;
    this.all = false;
    this.sort.querySelector("[value=rarest]").hidden = !this.layer.maps.rarity;
    if (!this.sorted || (this.sort.value === "rarest" && !this.layer.maps.rarity))
      this.sort.value = this.layer.byRarity ? "rarest" : "peak";
    this.pinned = this.layer.start;
    this.find(".layer-words").textContent = this.layer.words;
    this.find(".order-label").hidden = !this.layer.rare;
    this.showCell(this.pinned);
    var plate = this;
    withSheet(this.layer, function () {
      plate.showMaps();
      plate.showUnit();
      plate.showCell(plate.cell);
    });
  };

  Plate.prototype.order = function () {
    return this.orderChoice.value === "rare" && this.layer.rare ? this.layer.rare : this.layer.tops;
  };

  Plate.prototype.listed = function () {
    var from = (this.layer.first + this.cell) * this.layer.count;
    return Array.from(this.order().units.subarray(from, from + this.layer.count));
  };

  Plate.prototype.showCell = function (cell) {
    this.cell = cell;
    var layer = this.layer;
    var row = Math.floor(cell / layer.columns);
    var column = cell % layer.columns;
    var own = [layer.across[column], layer.down[row], layer.across[column + 1], layer.down[row + 1]];
    var sees = layer.fields.boxes
      ? layer.fields.boxes[cell]
      : [layer.fields.x[column][0], layer.fields.y[row][0], layer.fields.x[column][1], layer.fields.y[row][1]];
    var plate = this;
    [sees, sees, own, own].forEach(function (box, place) {
      plate.place(plate.frames[place], box);
    });
    var fed = this.data.fed;
    var whole = sees[2] - sees[0] >= fed[2] - fed[0] && sees[3] - sees[1] >= fed[3] - fed[1];
    var size = whole ? "all that the net is fed" : sees[2] - sees[0] + " \u00d7 " + (sees[3] - sees[1]) + " pixels of the photograph";
    this.find(".where").textContent = "Cell " + row + ", " + column + " of " + layer.name + " sees " + size + ".";
    this.find(".firing").replaceChildren.apply(this.find(".firing"), this.fires(cell));
  };

  Plate.prototype.fires = function (cell) {
    var plate = this;
    var layer = this.layer;
    var order = this.order();
    var from = (layer.first + cell) * layer.count;
    return this.listed().map(function (unit, place) {
      var item = element("li");
      var button = element("button");
      button.type = "button";
      button.setAttribute("aria-pressed", String(plate.unit === unit));
      button.title = "Show where it fires";
      button.append(pictureOf(layer, unit));
      button.addEventListener("click", function () {
        plate.choose(plate.unit === unit ? null : unit);
      });
      var name = element("span", "name");
      var link = layer.links && layer.links[unit];
      var words = element(link ? "a" : "bdi", "", String(unit) + (layer.labels && layer.labels[unit] ? " " + layer.labels[unit] : ""));
      if (link) words.href = link;
      name.append(words);
      item.append(button, name);
      if (plate.data.pictured) item.append(element("span", "kind", kindOf(layer, unit)));
      item.append(element("span", "said", inWords(order.responses[from + place])));
      var rare = order.shares ? rarity(order.shares[from + place], layer) : "";
      if (rare) item.append(element("span", "said", rare));
      return item;
    });
  };

  // Chooses a unit for the map over the photograph; on both photographs where they went through one net.
  Plate.prototype.choose = function (unit) {
    var chosen = this;
    plates.forEach(function (plate) {
      if (plate !== chosen && !(look.together && plate.layer.name === chosen.layer.name)) return;
      plate.unit = unit;
      plate.showUnit();
      plate.showCell(plate.cell);
      plate.press();
    });
  };

  Plate.prototype.press = function () {
    var plate = this;
    this.root.querySelectorAll(".unit-maps button").forEach(function (button) {
      button.setAttribute("aria-pressed", String(Number(button.value) === plate.unit));
    });
  };

  Plate.prototype.showMaps = function () {
    var plate = this;
    var layer = this.layer;
    var places = Array.from(layer.maps.units.keys());
    var by = this.sort.value;
    places.sort(function (a, b) {
      if (by === "rarest") return layer.maps.rarity[b] - layer.maps.rarity[a] || a - b;
      if (by === "peak") return layer.maps.peaks[b] - layer.maps.peaks[a] || a - b;
      return layer.maps.units[a] - layer.maps.units[b];
    });
    var rest = this.all ? 0 : Math.max(places.length - FIRST_MAPS, 0);
    var more = this.find(".more");
    more.hidden = rest === 0;
    more.textContent = "Show the other " + rest;
    var made = places.slice(0, places.length - rest).map(function (place) {
      var unit = layer.maps.units[place];
      var item = element("li");
      var button = element("button");
      button.type = "button";
      button.value = String(unit);
      button.setAttribute("aria-label", "Unit " + unit);
      button.setAttribute("aria-pressed", String(plate.unit === unit));
      var canvas = element("canvas");
      draw.drawMap(canvas, mapOf(layer, place), layer.maps.x.length, layer.maps.y.length, look.palettes);
      var under = element("span", "under");
      under.append(element("b", "", String(unit)), " " + inWords(layer.maps.peaks[place]));
      button.append(canvas, under);
      button.addEventListener("click", function () {
        plate.choose(plate.unit === unit ? null : unit);
      });
      item.append(button);
      return item;
    });
    var grid = this.find(".unit-maps");
    grid.replaceChildren.apply(grid, made);
    this.find(".count").textContent = rest ? "The first " + made.length + " of " + places.length + " maps. " + layer.drawn : layer.drawn;
    this.find(".legend").replaceChildren.apply(this.find(".legend"), this.legend());
  };

  // What colors mean in the maps drawn: those that cross zero, and those that do not.
  Plate.prototype.legend = function () {
    var maps = this.layer.maps;
    var signed = maps.units.filter(function (unit, place) {
      return maps.lows[place] < 0 && maps.peaks[place] > 0;
    }).length;
    function part(palette, ticks) {
      var made = element("div");
      made.append.apply(made, ramp(palette, ticks));
      return made;
    }
    var made = [];
    if (signed) made.push(part(look.palettes.signed, ["blue: below zero", "white: zero", "red: above zero"]));
    if (signed < maps.units.length)
      made.push(part(look.palettes.oneSided, [(signed ? "of one sign, " : "") + "dark: its lowest", "light: its highest"]));
    return made;
  };

  Plate.prototype.showUnit = function () {
    var place = this.unit === null ? -1 : this.layer.maps.units.indexOf(this.unit);
    var shown = place >= 0 && this.layer.bytes && this.photo.complete && this.photo.naturalWidth > 0;
    this.over.hidden = !shown;
    this.large.hidden = !shown;
    this.find(".cut-label").hidden = !shown || this.mode.value !== "mask";
    this.find(".unit-words").textContent =
      this.unit !== null && place < 0 ? nameOf(this.layer, this.unit) + " is not among the maps drawn; look.npz has it." : "";
    if (!shown) return;
    var maps = this.layer.maps;
    var values = mapOf(this.layer, place);
    var threshold = this.thresholdAt(place);
    var how = { mode: this.mode.value, threshold: threshold };
    var canvas = this.large.querySelector("canvas");
    if (how.mode === "map") draw.drawMap(canvas, values, maps.x.length, maps.y.length, look.palettes);
    else draw.drawOver(canvas, this.photo, values, maps, this.data, how, look.palettes);
    this.scale(place, values, how.mode);
    canvas.style.imageRendering = how.mode === "map" ? "pixelated" : "auto";
    draw.drawOver(this.over, this.photo, values, maps, this.data, how.mode === "map" ? { mode: "heat" } : how, look.palettes);
    this.caption(place, threshold);
  };

  // The colors of the large picture, with their responses.
  Plate.prototype.scale = function (place, values, mode) {
    var low = Math.min.apply(null, values);
    var high = Math.max.apply(null, values);
    var made = [];
    if (mode === "map") made = scaleOf(low, high);
    if (mode === "heat") {
      // On middle gray: above zero the colors take over, below zero half of blue does at most.
      var reach = Math.max(-low, high);
      var below = [0, 1, 2, 3, 4].map(function (step) {
        return look.palettes.cool.map(function (value) {
          return 128 + (value - 128) * 0.5 * (1 - step / 5);
        });
      });
      var colors = [[128, 128, 128]].concat(look.palettes.warm);
      made = low < 0 ? ramp(below.concat(colors), [inWords(-reach), "0", inWords(reach)]) : ramp(colors, ["0", inWords(reach)]);
    }
    this.large.querySelector(".color-scale").replaceChildren.apply(this.large.querySelector(".color-scale"), made);
  };

  // The slider's middle is the layer's own threshold of the unit; its ends are the unit's lowest and highest response here.
  Plate.prototype.thresholdAt = function (place) {
    var share = Number(this.cut.value) / 100;
    var maps = this.layer.maps;
    var at = maps.thresholds[place];
    var peak = maps.peaks[place];
    if (share === 0.5) return at;
    return share < 0.5 ? at - (at - Math.min(maps.lows[place], at)) * (1 - 2 * share) : at + Math.max(peak - at, 0) * (2 * share - 1);
  };

  Plate.prototype.caption = function (place, threshold) {
    var maps = this.layer.maps;
    var words = nameOf(this.layer, this.unit) + ": " + inWords(maps.lows[place]) + " to " + inWords(maps.peaks[place]);
    if (maps.standings[place]) words += ", its peak " + maps.standings[place];
    if (this.mode.value === "mask") {
      words += "; seen where it is at least " + inWords(Number(threshold.toPrecision(4)));
      if (Number(this.cut.value) === 50) words += ", " + maps.cutWords[place];
    }
    this.large.querySelector("figcaption").textContent = words + ".";
  };

  document.querySelectorAll(".look-plate").forEach(function (root, place) {
    plates.push(new Plate(root, look.plates[place]));
  });

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input, select, textarea")) return;
    var step = { "[": -1, "]": 1 }[event.key];
    if (!step || document.querySelector("dialog[open]")) return;
    plates.forEach(function (plate) {
      var wanted = plate.choice.selectedIndex + step;
      if (wanted < 0 || wanted >= plate.choice.options.length) return;
      plate.choice.selectedIndex = wanted;
      plate.showLayer(wanted);
    });
  });
})();
