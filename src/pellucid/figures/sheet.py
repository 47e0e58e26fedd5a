# SPDX-License-Identifier: Apache-2.0
"""A contact sheet: many pictures on one page of paper, each with its caption.

Light on purpose: a sheet is looked at, printed and put into papers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageColor, ImageDraw

from pellucid.errors import InputError
from pellucid.figures.lettering import drawable, fitted, typeface
from pellucid.figures.picture import Picture

__all__ = ["contact_sheet", "letters_px", "paragraphs", "stacked", "wrapped"]

PAPER, INK, PALE_INK, HAIRLINE = "#fdfcf9", "#1d1c1a", "#66625b", "#dedad0"
# A plain image up to this side is a filter or a small map: its pixels are the message, so they stay sharp.
PIXELATED_UP_TO_PX = 32
PALE = 244  # of 255
MOST_PIXELS = 200_000_000
WIDEST_TITLE = 560  # px; a sheet of few tiles is no wider for its title than this


@dataclass(frozen=True)
class Layout:
    """Where things stand on a sheet; all in pixels."""

    columns: int
    rows: int
    tile: int
    gap: int
    margin: int
    letters: int
    caption_lines: int
    head: int
    least: int = 0  # the width that the title takes

    @property
    def line(self) -> int:
        return round(self.letters * 1.4)

    @property
    def title_letters(self) -> int:
        return round(self.letters * 1.6)

    @property
    def pitch(self) -> tuple[int, int]:
        caption = self.caption_lines * self.line + self.letters // 2 if self.caption_lines else 0
        return self.tile + self.gap, self.tile + caption + self.gap

    @property
    def size(self) -> tuple[int, int]:
        across, down = self.pitch
        sides = 2 * self.margin - self.gap
        return max(self.columns * across + sides, self.least), self.rows * down + sides + self.head

    def corner(self, index: int) -> tuple[int, int]:
        row, column = divmod(index, self.columns)
        return self.margin + column * self.pitch[0], self.margin + self.head + row * self.pitch[1]


def contact_sheet(
    tiles: Sequence[tuple[Image.Image | Picture, str]],
    *,
    columns: int | None = None,
    tile_px: int = 128,
    title: str = "",
) -> Image.Image:
    """All `tiles` on one sheet, row by row, each fitted into a square of `tile_px` with its caption below.

    A caption may have several lines, parted by newlines: the first in black, the others paler; each is cut to
    the tile's width; so may the title. A `pixelated` picture, or a plain image of at most 32 px, is enlarged without smoothing.

    Parameters
    ----------
    tiles : (picture, caption) pairs, at least one
    columns : tiles in a row; None: a sheet a little wider than high

    Returns
    -------
    an RGB image on a light ground

    Raises
    ------
    InputError : no tile, a column count or tile size below one, or a sheet of more than 200 million pixels

    Examples
    --------
    >>> gray = Image.new("RGB", (8, 8), "gray")
    >>> contact_sheet([(gray, "0"), (gray, "1")], tile_px=64, title="features.0").mode
    'RGB'
    """
    layout = _layout(tiles, columns, tile_px, title)
    sheet = Image.new("RGB", layout.size, PAPER)
    pen = ImageDraw.Draw(sheet)
    _head(pen, layout, title)
    for index, (picture, caption) in enumerate(tiles):
        x, y = layout.corner(index)
        image = _tile(picture, layout.tile)
        if image.size != (layout.tile, layout.tile):
            pen.rectangle((x, y, x + layout.tile - 1, y + layout.tile - 1), outline=HAIRLINE)
        left, top = x + (layout.tile - image.width) // 2, y + (layout.tile - image.height) // 2
        sheet.paste(image, (left, top))
        if _is_pale(image):  # its edge would be lost on the paper
            pen.rectangle((left, top, left + image.width - 1, top + image.height - 1), outline=HAIRLINE)
        for number, line in enumerate(caption.split("\n") if caption else ()):
            where = (x, y + layout.tile + layout.letters // 2 + number * layout.line)
            words = fitted(line, layout.letters, layout.tile)
            pen.text(where, words, PALE_INK if number else INK, typeface(layout.letters), anchor="la")
    return sheet


def _head(pen: ImageDraw.ImageDraw, layout: Layout, title: str) -> None:
    """The title: its first line large, what follows small and pale."""
    room, down = layout.size[0] - 2 * layout.margin, layout.margin
    for number, line in enumerate(title.split("\n") if title else ()):
        letters = layout.letters
        if not number:  # as large as there is room for, so that it is not cut
            sizes = range(layout.title_letters, letters, -1)
            letters = next((size for size in sizes if _wide(line, size) <= room), letters)
        words = fitted(line, letters, room)
        pen.text((layout.margin, down), words, PALE_INK if number else INK, typeface(letters), anchor="la")
        down += layout.line if number else round(layout.title_letters * 1.4)


def stacked(sheets: Sequence[Image.Image]) -> Image.Image:
    """Sheets one below the other on one page."""
    page = Image.new("RGB", (max(each.width for each in sheets), sum(each.height for each in sheets)), PAPER)
    top = 0
    for each in sheets:
        page.paste(each, (0, top))
        top += each.height
    return page


def paragraphs(texts: Sequence[str], width: int, letters: int = 13) -> Image.Image:
    """Texts one below the other, each on as many lines as it takes."""
    margin, line = 28, round(letters * 1.4)
    lines = [row for each in texts for row in (*wrapped(each, letters, width - 2 * margin), "")]
    page = Image.new("RGB", (width, line * len(lines)), PAPER)
    pen = ImageDraw.Draw(page)
    for number, row in enumerate(lines):
        pen.text((margin, number * line), row, PALE_INK, typeface(letters), anchor="la")
    return page


def wrapped(words: str, letters: int, width: int) -> list[str]:
    """Words on as many lines as they take."""
    rows = [""]
    for word in drawable(words).split():
        longer = f"{rows[-1]} {word}".strip()
        if rows[-1] and typeface(letters).getlength(longer) > width:
            rows.append(word)
        else:
            rows[-1] = longer
    return [fitted(row, letters, width) for row in rows]


def _layout(
    tiles: Sequence[tuple[Image.Image | Picture, str]], columns: int | None, tile_px: int, title: str
) -> Layout:
    if not tiles:
        raise InputError("a contact sheet of no picture was asked; it needs at least one")
    if tile_px < 1 or (columns is not None and columns < 1):
        raise InputError(f"a sheet of {columns} columns and tiles of {tile_px} px was asked; both start at 1")
    # Seven to five, as most screens and pages lie.
    across = min(columns or math.ceil(math.sqrt(len(tiles) * 1.4)), len(tiles))
    letters = letters_px(tile_px)
    margin = max(tile_px // 4, 12)
    lines = title.split("\n")
    widest = max(_wide(lines[0], round(letters * 1.6)), *(_wide(line, letters) for line in lines))
    layout = Layout(
        columns=across,
        rows=math.ceil(len(tiles) / across),
        tile=tile_px,
        gap=max(tile_px // 12, 4),
        margin=margin,
        letters=letters,
        caption_lines=max(caption.count("\n") + 1 if caption else 0 for _, caption in tiles),
        head=round(letters * 1.6 * 2) + title.count("\n") * round(letters * 1.4) if title else 0,
        least=min(widest, WIDEST_TITLE) + 2 * margin if title else 0,
    )
    if layout.size[0] * layout.size[1] > MOST_PIXELS:
        raise InputError(
            f"{len(tiles)} tiles of {tile_px} px make a sheet of {layout.size[0]}x{layout.size[1]} px; "
            "fewer tiles or smaller ones fit"
        )
    return layout


def letters_px(tile_px: int) -> int:
    """How large the captions of tiles are written."""
    return min(max(tile_px // 9, 10), 18)


def _wide(words: str, letters: int) -> int:
    return math.ceil(typeface(letters).getlength(drawable(words)))


def _tile(picture: Image.Image | Picture, side: int) -> Image.Image:
    """The picture as large as fits into a square of `side`, its proportions kept."""
    if isinstance(picture, Picture):
        image, sharp = picture.blob.image(), picture.pixelated
    else:
        image, sharp = picture, max(picture.size) <= PIXELATED_UP_TO_PX
    scale = side / max(image.size)
    size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
    how = Image.Resampling.NEAREST if sharp and scale > 1 else Image.Resampling.LANCZOS
    return _on_paper(image).resize(size, how)


def _is_pale(image: Image.Image) -> bool:
    """Whether all corners of a tile are as light as paper, and it is none that was left blank on purpose."""
    right, bottom = image.width - 1, image.height - 1
    corners = {image.getpixel(at) for at in ((0, 0), (right, 0), (0, bottom), (right, bottom))}
    blank = corners == {ImageColor.getrgb(PAPER)}
    return not blank and all(isinstance(one, tuple) and min(one) >= PALE for one in corners)


def _on_paper(image: Image.Image) -> Image.Image:
    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return image.convert("RGB")
    paper = Image.new("RGBA", image.size, PAPER)
    return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")
