// SPDX-License-Identifier: Apache-2.0
// Theme, keys, and a layer page's filter and sort. Names only ever become text; without this script all pages still read.
(function () {
  "use strict";
  var root = document.documentElement;

  function byId(id) {
    return document.getElementById(id);
  }

  // Light and dark.
  var themeButton = byId("theme-button");

  function isDark() {
    if (root.dataset.theme) return root.dataset.theme === "dark";
    return window.matchMedia("(prefers-color-scheme: dark)").matches;
  }

  function nameTheme() {
    themeButton.textContent = isDark() ? "Light" : "Dark";
  }

  function turnTheme() {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      window.localStorage.setItem("pellucid-theme", root.dataset.theme);
    } catch (blocked) {
      // The choice then holds for this page only.
    }
    nameTheme();
  }

  document.querySelector(".tools").hidden = false;
  nameTheme();
  themeButton.addEventListener("click", turnTheme);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);

  // Help.
  var help = byId("keys");
  byId("keys-button").addEventListener("click", function () {
    help.showModal();
  });

  // A layer's units: filter and sort.
  var grid = byId("grid");
  var filter = byId("filter");

  function setUpUnits(data) {
    var cells = Array.prototype.slice.call(grid.children);
    var sort = byId("sort");
    var reverse = byId("reverse");
    var count = byId("count");
    var allUnits = count.textContent;

    // Several words must all fit: a number or a range means units, anything else is looked for in the words.
    function wanted(query) {
      var tests = query.toLowerCase().split(/\s+/).filter(Boolean).map(function (word) {
        var range = /^(\d+)(?:-(\d+))?,?$/.exec(word);
        if (!range) return function (place) {
          return data.words[place].indexOf(word) >= 0;
        };
        var first = Number(range[1]);
        var last = range[2] === undefined ? first : Number(range[2]);
        return function (place) {
          return data.units[place] >= first && data.units[place] <= last;
        };
      });
      return function (place) {
        return tests.every(function (test) {
          return test(place);
        });
      };
    }

    // Highest first; units without the number stay last either way.
    function order(values, reversed) {
      var places = cells.map(function (_, place) {
        return place;
      });
      var sign = reversed ? -1 : 1;
      return places.sort(function (a, b) {
        if (!values) return sign * (a - b);
        var x = values[a];
        var y = values[b];
        if (x === null || y === null) return (x === null) - (y === null) || a - b;
        return sign * (y - x) || a - b;
      });
    }

    function inWords(value) {
      var size = Math.abs(value);
      if (value === 0 || (Number.isInteger(value) && size < 1e5)) return String(value).replace("-", "\u2212");
      var words = size >= 1e5 || size < 1e-4 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
      return words.replace(/-/g, "\u2212");
    }

    function showValue(cell, value) {
      var under = cell.querySelector(".under");
      var old = under.querySelector(".sorted");
      if (old) old.remove();
      if (value === undefined || value === null) return;
      var words = document.createElement("span");
      words.className = "sorted";
      words.textContent = inWords(value);
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

    function sift() {
      var fits = wanted(filter.value);
      var found = 0;
      cells.forEach(function (cell, place) {
        cell.hidden = !fits(place);
        if (!cell.hidden) found += 1;
      });
      count.textContent = filter.value.trim() ? found + " of " + cells.length + " units" : allUnits;
    }

    byId("finder").hidden = false;
    byId("finder").addEventListener("submit", function (event) {
      event.preventDefault();
    });
    filter.addEventListener("input", sift);
    sort.addEventListener("change", arrange);
    reverse.addEventListener("change", arrange);
    // A browser that comes back to this page restores what was set.
    if (filter.value) sift();
    if (sort.value || reverse.checked) arrange();
  }

  if (grid && window.pellucidUnits) setUpUnits(window.pellucidUnits);

  // Keys.
  function follow(relation) {
    var link = document.querySelector('link[rel="' + relation + '"]');
    if (link) window.location.href = link.href;
    return Boolean(link);
  }

  function visibleUnits() {
    return Array.prototype.filter.call(grid.querySelectorAll("a"), function (link) {
      return !link.parentElement.hidden;
    });
  }

  // Moves within the grid by where things stand on the screen; true when the key was used.
  function walk(key) {
    var links = visibleUnits();
    var place = links.indexOf(document.activeElement);
    if (place < 0) {
      if (key !== "ArrowDown" || !links.length) return false;
      links[0].focus();
      return true;
    }
    var top = links[0].getBoundingClientRect().top;
    var columns = links.findIndex(function (link) {
      return link.getBoundingClientRect().top > top + 4;
    });
    var step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
    if (columns < 0 && (key === "ArrowUp" || key === "ArrowDown")) step = key === "ArrowUp" ? -links.length : 0;
    if (place + step < 0) document.activeElement.blur();
    else links[Math.min(place + step, links.length - 1)].focus();
    return true;
  }

  var relations = { ArrowLeft: "prev", ArrowRight: "next", ArrowUp: "up" };

  function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || help.open) return;
    var target = event.target;
    if (target === filter && event.key === "Escape") {
      filter.value = "";
      filter.dispatchEvent(new Event("input"));
      filter.blur();
      return;
    }
    if (target.matches("input, select, textarea, [contenteditable]")) return;
    var used = false;
    if (event.key === "/" && filter) {
      filter.focus();
      used = true;
    } else if (event.key === "?") {
      help.showModal();
      used = true;
    } else if (event.key === "t") {
      turnTheme();
      used = true;
    } else if (/^Arrow/.test(event.key) && !event.shiftKey) {
      used = Boolean(grid) && walk(event.key);
      // Up scrolls like everywhere; only at the very top, and pressed anew, does it leave the page.
      var leaves = event.key !== "ArrowUp" || (window.scrollY <= 0 && !event.repeat);
      if (!used && leaves && relations[event.key]) used = follow(relations[event.key]);
    }
    if (used) event.preventDefault();
  }

  document.addEventListener("keydown", onKey);
})();
