// SPDX-License-Identifier: Apache-2.0
// A bar of a histogram that is clicked shows the inputs at its height. Without this script each has a fold below.
(function () {
  "use strict";

  function connect(figure) {
    var bars = Array.prototype.slice.call(figure.querySelectorAll("rect.bar"));
    var folds = Array.prototype.slice.call(figure.querySelectorAll("details"));

    function open(place) {
      var chosen = Math.max(0, Math.min(place, folds.length - 1));
      folds.forEach(function (fold, each) {
        fold.open = each === chosen;
        bars[each].classList.toggle("open", each === chosen);
        bars[each].setAttribute("aria-pressed", String(each === chosen));
        bars[each].setAttribute("tabindex", each === chosen ? "0" : "-1");
      });
      return bars[chosen];
    }

    if (!bars.length || bars.length !== folds.length) return;
    bars.forEach(function (bar, place) {
      bar.setAttribute("role", "button");
      bar.setAttribute("aria-label", folds[place].querySelector("summary").textContent);
      bar.addEventListener("click", function () {
        open(place);
      });
      bar.addEventListener("keydown", function (event) {
        var step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!step) return;
        event.preventDefault(); // else the page turns
        open(place + step).focus();
      });
    });
    open(folds.length - 1);
  }

  document.querySelectorAll(".levels").forEach(connect);
})();
