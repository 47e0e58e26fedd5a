// SPDX-License-Identifier: Apache-2.0
// Runs before anything is drawn, so that a chosen theme does not flash. Where storage is blocked, the system's theme holds.
(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("js");
  try {
    var chosen = window.localStorage.getItem("pellucid-theme");
    if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  } catch (blocked) {
    return;
  }
})();
