# SPDX-License-Identifier: Apache-2.0
"""The atlas on disk: the evidence of one net in one SQLite file, with one writer and many readers."""

from __future__ import annotations

from pellucid.store.atlas import Atlas
from pellucid.store.writer import AtlasWriter

__all__ = ["Atlas", "AtlasWriter"]
