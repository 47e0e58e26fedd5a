# SPDX-License-Identifier: Apache-2.0
"""Letters on pictures: a minus is drawn as one."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pellucid.figures import TuningCurve
from pellucid.figures.lettering import drawable, typeface


def drawn(text: str, size: int, across: float = 8.0) -> np.ndarray:
    page = Image.new("L", (16 * size, 3 * size), 255)
    ImageDraw.Draw(page).text((across, size), drawable(text), 0, typeface(size), anchor="la")
    return 255 - np.asarray(page).astype(int)


@pytest.mark.parametrize("size", [9, 11, 13, 16, 20, 24, 31, 48])
@pytest.mark.parametrize("across", [8.0, 8.4])
def test_a_minus_is_a_bar_as_wide_as_a_plus_and_leaves_the_digits_alone(size: int, across: float) -> None:
    minus, plus, hyphen = (drawn(sign, size, across) for sign in ("−", "+", "-"))
    wide, full, short = (np.flatnonzero(one.any(0)) for one in (minus, plus, hyphen))
    assert (wide[0], wide[-1]) == (full[0], full[-1])
    assert len(wide) > len(short)
    assert np.ptp(np.flatnonzero(minus.any(1))) + 1 <= max(2, 0.15 * size)
    least, most = (np.flatnonzero(minus.any(1))[end] for end in (0, -1))
    assert abs((least + most) / 2 - np.flatnonzero(plus.any(1)).mean()) <= 1
    both, other = drawn("8−3 −0", size, across), drawn("8+3 +0", size, across)
    unlike = np.flatnonzero((both != other).any(0))
    assert (both - other).max() <= 32  # the bar beside the upright is shaded a little
    assert len(unlike) <= 2 * len(full)


def test_a_sheet_writes_numbers_below_zero_with_a_minus(monkeypatch: pytest.MonkeyPatch) -> None:
    curve = TuningCurve((0.0, 90.0, 180.0), (-838.3, -2.0, -5.0), "x", "response", -1.0, 360.0)
    said: list[str] = []
    text = ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw,
        "text",
        lambda pen, at, words, *a, **k: (said.append(words), text(pen, at, words, *a, **k)),
    )
    curve.drawing().image()
    assert "middle −838.3, rim −1" in said
