// SPDX-License-Identifier: Apache-2.0
// The theme's button, the help, and the keys that every page has. Without this script all pages still read.
(function () {
  "use strict";
  var root = document.documentElement;
  var system = window.matchMedia("(prefers-color-scheme: dark)");
  var themeButton = document.getElementById("theme-button");
  var help = document.getElementById("keys");

  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
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

  function showHelp() {
    help.showModal();
  }

  function follow(relation) {
    var link = document.querySelector('link[rel="' + relation + '"]');
    if (link) window.location.href = link.href;
  }

  // Up scrolls like everywhere; only at the very top, and pressed anew, does it leave the page.
  function leave(event) {
    if (window.scrollY <= 0 && !event.repeat) follow("up");
  }

  var actions = {
    ArrowLeft: follow.bind(null, "prev"),
    ArrowRight: follow.bind(null, "next"),
    ArrowUp: leave,
    "?": showHelp,
    t: turnTheme
  };

  document.addEventListener("keydown", function (event) {
    // Earlier scripts of a page come first, a text being written and an open dialog before all.
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.matches("input, select, textarea") || document.querySelector("dialog[open]")) return;
    var isArrow = event.key.indexOf("Arrow") === 0;
    if (actions[event.key] && !(isArrow && event.shiftKey)) actions[event.key](event);
  });

  document.querySelector(".tools").hidden = false;
  themeButton.addEventListener("click", turnTheme);
  system.addEventListener("change", nameTheme);
  document.getElementById("keys-button").addEventListener("click", showHelp);
  nameTheme();
})();
