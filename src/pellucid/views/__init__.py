# SPDX-License-Identifier: Apache-2.0
"""The atlas in a browser: pages as pure functions of an atlas, exported as a folder of files or served."""

from __future__ import annotations

from pellucid.views.publication import ExportReport, export, verify
from pellucid.views.server import app, serve
from pellucid.views.site import Site

__all__ = ["ExportReport", "Site", "app", "export", "serve", "verify"]
