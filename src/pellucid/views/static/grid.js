// SPDX-License-Identifier: Apache-2.0
// A layer's units: filter, sort, and arrow keys that walk among them. Names only ever become text.
(function () {
  "use strict";
  var data = window.pellucidUnits;
  var grid = document.getElementById("grid");
  var filter = document.getElementById("filter");
  var sort = document.getElementById("sort");
  var reverse = document.getElementById("reverse");
  var count = document.getElementById("count");
  var finder = document.getElementById("finder");
  var cells = Array.prototype.slice.call(grid.children);
  var allUnits = count.textContent;

  // A number or a range means units; anything else is looked for in the words.
  function test(word) {
    var range = /^(\d+)(?:-(\d+))?,?$/.exec(word);
    if (!range) {
      return function (place) {
        return data.words[place].indexOf(word) >= 0;
      };
    }
    var first = Number(range[1]);
    var last = range[2] === undefined ? first : Number(range[2]);
    return function (place) {
      return data.units[place] >= first && data.units[place] <= last;
    };
  }

  function sift() {
    var tests = filter.value.toLowerCase().split(/\s+/).filter(Boolean).map(test);
    var found = 0;
    cells.forEach(function (cell, place) {
      cell.hidden = !tests.every(function (fits) {
        return fits(place);
      });
      if (!cell.hidden) found += 1;
    });
    count.textContent = tests.length ? found + " of " + cells.length + " units" : allUnits;
  }

  // Highest first; units without the number stay last either way.
  function order(values, reversed) {
    var sign = reversed ? -1 : 1;
    return Array.from(cells.keys()).sort(function (a, b) {
      if (!values) return sign * (a - b);
      var x = values[a];
      var y = values[b];
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      return sign * (y - x) || a - b;
    });
  }

  function inWords(value) {
    var size = Math.abs(value);
    var words = String(value);
    if (size !== 0 && (size >= 1e5 || size < 1e-4)) words = value.toExponential(2);
    else if (!Number.isInteger(value)) words = String(Number(value.toPrecision(4)));
    return words.replace(/-/g, "\u2212");
  }

  function showValue(cell, value) {
    var under = cell.querySelector(".under");
    var old = under.querySelector(".sorted");
    if (old) old.remove();
    if (value === undefined || value === null) return;
    var words = document.createElement("span");
    words.className = "sorted";
    words.textContent = inWords(Number(value));
    under.prepend(words);
  }

  function arrange() {
    var values = sort.value ? data.numbers[sort.value] : null;
    var sorted = document.createDocumentFragment();
    order(values, reverse.checked).forEach(function (place) {
      showValue(cells[place], values ? values[place] : undefined);
      sorted.append(cells[place]);
    });
    grid.append(sorted);
  }

  // How many links an arrow key moves on, by how they stand on the screen.
  function step(key, links) {
    if (key === "ArrowLeft") return -1;
    if (key === "ArrowRight") return 1;
    var top = links[0].getBoundingClientRect().top;
    var columns = links.findIndex(function (link) {
      return link.getBoundingClientRect().top > top + 4;
    });
    if (columns < 0) columns = links.length;
    return key === "ArrowUp" ? -columns : columns;
  }

  // Within the grid all arrows move; into it leads down; up from its first row leaves it.
  function walk(event) {
    var links = Array.prototype.filter.call(grid.querySelectorAll("a"), function (link) {
      return !link.parentElement.hidden;
    });
    var place = links.indexOf(document.activeElement);
    if (!links.length || (place < 0 && event.key !== "ArrowDown")) return;
    var next = place < 0 ? 0 : place + step(event.key, links);
    if (next < 0) links[place].blur();
    else links[Math.min(next, links.length - 1)].focus();
    event.preventDefault();
  }

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
    if (event.target === filter && event.key === "Escape") {
      filter.value = "";
      sift();
      filter.blur();
    }
    if (event.target === filter && event.key === "ArrowDown") walk(event);
    if (event.target.matches("input, select, textarea")) return;
    if (event.key === "/") {
      filter.focus();
      event.preventDefault();
    } else if (event.key.indexOf("Arrow") === 0 && !event.shiftKey) {
      walk(event);
    }
  });

  finder.addEventListener("submit", function (event) {
    event.preventDefault();
  });
  filter.addEventListener("input", sift);
  sort.addEventListener("change", arrange);
  reverse.addEventListener("change", arrange);
  finder.hidden = false;
  // A browser that comes back to this page restores what was set.
  if (filter.value) sift();
  if (sort.value || reverse.checked) arrange();
})();
