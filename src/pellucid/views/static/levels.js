// SPDX-License-Identifier: Apache-2.0
// A bar of a histogram that is clicked shows the inputs at its height. Without this script each bar has a fold below.
(function () {
  "use strict";

  // The folds lie in a noscript element as text, so that their pictures are not loaded before they are wanted.
  function foldsOf(figure) {
    var text = figure.querySelector("noscript").textContent;
    return Array.prototype.slice.call(
      new DOMParser().parseFromString(text, "text/html").querySelectorAll("details")
    );
  }

  function connect(figure) {
    var bars = Array.prototype.slice.call(figure.querySelectorAll("rect.bar"));
    var folds = foldsOf(figure);
    var level = document.createElement("div");

    function show(place) {
      var chosen = Math.max(0, Math.min(place, folds.length - 1));
      var words = document.createElement("p");
      var items = document.importNode(folds[chosen].querySelector("ol"), true);
      words.className = "words";
      words.textContent = folds[chosen].querySelector("summary").textContent;
      items.querySelectorAll(".item").forEach(function (item) {
        item.tabIndex = 0;
      });
      level.replaceChildren(words, items);
      bars.forEach(function (bar, each) {
        bar.classList.toggle("open", each === chosen);
        bar.setAttribute("aria-pressed", String(each === chosen));
        bar.setAttribute("tabindex", each === chosen ? "0" : "-1");
      });
      return bars[chosen];
    }

    if (!bars.length || bars.length !== folds.length) return;
    level.className = "level";
    level.setAttribute("aria-live", "polite");
    figure.append(level);
    bars.forEach(function (bar, place) {
      bar.setAttribute("role", "button");
      bar.setAttribute("aria-label", folds[place].querySelector("summary").textContent);
      bar.addEventListener("click", function () {
        show(place);
      });
      bar.addEventListener("keydown", function (event) {
        var step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!step) return;
        event.preventDefault(); // else the page turns
        show(place + step).focus();
      });
    });
    show(folds.length - 1);
  }

  document.querySelectorAll(".levels").forEach(connect);
})();
