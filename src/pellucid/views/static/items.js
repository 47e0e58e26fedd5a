// SPDX-License-Identifier: Apache-2.0
// Items, one at a time and larger: opened by a click or Enter, walked by the arrows, closed by Escape or a click.
(function () {
  "use strict";
  var closer = document.createElement("dialog");
  var items = []; // those on the page when one is opened: a histogram's bars bring and take some
  var shown = 0;

  function copyOf(picture) {
    var copy = picture.cloneNode(true);
    copy.removeAttribute("width"); // so that its shape is that of what it shows
    copy.removeAttribute("height");
    return copy;
  }

  function wordsOf(item) {
    var words = document.createElement("p");
    var response = document.createElement("b");
    var name = document.createElement("bdi");
    response.textContent = item.querySelector(".response").textContent;
    name.textContent = item.querySelector(".name").textContent;
    words.append(response, " ", name);
    return words;
  }

  function show(place) {
    shown = Math.max(0, Math.min(place, items.length - 1));
    closer.replaceChildren();
    items[shown].querySelectorAll("svg").forEach(function (picture) {
      closer.append(copyOf(picture));
    });
    closer.append(wordsOf(items[shown]));
    if (!closer.open) closer.showModal();
  }

  closer.className = "closer";
  closer.setAttribute("aria-label", "An item, enlarged");
  document.body.append(closer);
  closer.addEventListener("click", function () {
    closer.close();
  });
  closer.addEventListener("close", function () {
    items[shown].focus();
  });
  closer.addEventListener("keydown", function (event) {
    if (event.key === "ArrowLeft") show(shown - 1);
    if (event.key === "ArrowRight") show(shown + 1);
  });

  function openFrom(event) {
    var item = event.target.closest(".item");
    if (!item || !item.querySelector("svg")) return;
    items = Array.prototype.filter.call(document.querySelectorAll(".item"), function (each) {
      return each.querySelector("svg");
    });
    show(items.indexOf(item));
  }

  document.addEventListener("click", openFrom);
  document.addEventListener("keydown", function (event) {
    if (event.key === "Enter" && event.target.matches(".item")) openFrom(event);
  });
  document.querySelectorAll(".item").forEach(function (item) {
    if (item.querySelector("svg")) item.tabIndex = 0;
  });
})();
