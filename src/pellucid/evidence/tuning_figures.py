# SPDX-License-Identifier: Apache-2.0
"""A tuning as pages show it: its panels, and the figures in them."""

from __future__ import annotations

from pellucid.evidence.moved import MOVES
from pellucid.evidence.tuning_curves import move_figure
from pellucid.evidence.tunings import Tuning
from pellucid.figures import Figure, Number, Picture
from pellucid.records import Kind, Panel
from pellucid.stimuli import FAMILIES, phrase

__all__ = ["KIND", "tuning_figures"]

# Curves that pages show, by the name of the figure: family and axis.
CURVES = {
    "orientation_curve": ("grating", "orientation"),
    "frequency_curve": ("grating", "frequency"),
    "phase_curve": ("grating", "phase"),
    "edge_direction": ("edge", "direction"),
    "bar_orientation": ("bar", "orientation"),
    "bar_width": ("bar", "width"),
    "corner_direction": ("corner", "direction"),
    "corner_opening": ("corner", "opening"),
    "curve_direction": ("curve", "direction"),
    "curve_radius": ("curve", "radius"),
    "disk_radius": ("disk", "radius"),
    "high_low_direction": ("high_low", "direction"),
    "hue_curve": ("color", "hue"),
    "color_grating_orientation": ("color_grating", "orientation"),
    "color_grating_frequency": ("color_grating", "frequency"),
    "disk_hue": ("color_disk", "hue"),
    "color_disk_radius": ("color_disk", "radius"),
    "gray_curve": ("gray", "level"),
}
COLOR_CURVES = (
    "hue_curve",
    "disk_hue",
    "color_disk_radius",
    "color_grating_orientation",
    "color_grating_frequency",
    "gray_curve",
)
# Numbers by which the units of a layer are put in order.
PLACES = {
    "orientation": "preferred orientation, across the stripes",
    "orientation_selectivity": "selectivity for orientation",
    "frequency": "preferred frequency",
    "radius": "preferred radius of curves",
    "hue": "preferred hue",
    "hue_selectivity": "selectivity for hue",
    "color_opponency": "opponency over colors, 0 to 1",
    "spatial_opponency": "opponency over gratings, 0 to 1",
}
SUBJECTS = ("optimum", "example")
KIND = Kind(
    name="tuning",
    title="Tuning",
    scope="unit",
    panels=(
        Panel(
            "Tuning",
            "Of each family of stimuli the one that excites the unit most, as it saw it, and how far that lies above middle "
            "gray. The best of these need not be what the unit is for: compare with what its examples reach.",
            (
                "verdict",
                *(
                    name
                    for family in FAMILIES
                    for name in (f"best_{family}", f"words_best_{family}", f"above_gray_best_{family}")
                ),
                "left_out",
                "nonfinite",
            ),
        ),
        Panel(
            "Tuning: shapes",
            "Each curve runs through the best stimulus of its family, has a scale of its own, and shows middle gray as a line "
            "or ring. A sharp curve far below what the unit reaches elsewhere says little.",
            (*(name for name in CURVES if name not in COLOR_CURVES), *list(PLACES)[:4]),
        ),
        Panel(
            "Tuning: colors",
            "Opponent: some flat colors excite more than black does, others less; double-opponent: some gray gratings do so too. "
            "A unit for color patterns may be neither: gratings of two colors and colored disks ask for these. Saturated colors "
            "also differ in brightness; hold the curve over hues against that over grays.",
            (*COLOR_CURVES, *list(PLACES)[4:], "opponent_axis", "double_opponent"),
        ),
        Panel(
            "Tuning: which family",
            "How far each family is ahead of all others in what it gives above gray: 50 % is twice as much, 0 as much, "
            "−50 % half of the best. Families have different numbers of stimuli; small leads mean nothing.",
            tuple(f"lead_{family}" for family in FAMILIES),
        ),
        Panel(
            "Tuning: its own pictures moved",
            "The optimum and the best example turned, shifted and scaled about the middle of the receptive field where they "
            "excite most, read at that one place. A texture that repeats comes back when it is shifted far enough.",
            (
                *(f"{subject}_{move}" for subject in SUBJECTS for move in MOVES),
                *(f"{subject}_turn_range" for subject in SUBJECTS),
            ),
        ),
    ),
    sortable=(*PLACES, *(f"lead_{family}" for family in FAMILIES), "optimum_turn_range"),
)
PIXELATED_UP_TO_PX = 64


def tuning_figures(one: Tuning) -> dict[str, Figure]:
    """All of it as figures, by the names that a page shows."""
    reading, figures = one.reading, dict[str, Figure]()
    figures["verdict"] = Number(one.verdict, "verdict")
    for name in FAMILIES:
        figures |= _family_figures(one, name) if name in reading.families else {}
    if one.left_out:
        reasons = "; ".join(dict.fromkeys(one.left_out.values()))
        names = ", ".join(name.replace("_", " ") for name in one.left_out)
        figures["left_out"] = Number(f"{names}: {reasons}", "not shown")
    if one.nonfinite:
        figures["nonfinite"] = Number(one.nonfinite, "responses that are not finite")
    figures |= _numbers(one)
    for moves in one.moved:
        figures |= {f"{moves.name}_{move}": move_figure(moves, move) for move in MOVES}
        figures[f"{moves.name}_turn_range"] = Number(
            moves.turn_range, f"{moves.name}: half is kept over turns of", "°"
        )
    figures.setdefault("optimum_turn_range", Number(None, "optimum: half is kept over turns of", "°"))
    return figures


def _family_figures(one: Tuning, name: str) -> dict[str, Figure]:
    found = one.reading.families[name]
    image = one.image(name)
    # The same stimulus serves many units: its file says what it is, and not which unit it stands for.
    stamp = {
        "method": "stimulus",
        "family": name,
        "values": dict(found.best.values),
        "box": list(one.boxes[name]),
    }
    picture = Picture.of(
        image,
        {**stamp, "frame": [*one.frame.size, *one.frame.center, one.frame.side]},
        alt=f"the {name.replace('_', ' ')} that excites {one.unit} most",
        pixelated=max(image.size) <= PIXELATED_UP_TO_PX,
    )
    curves: dict[str, Figure] = {
        figure: one.curve(family, axis) for figure, (family, axis) in CURVES.items() if family == name
    }
    return {
        f"best_{name}": picture,
        f"words_best_{name}": Number(phrase(found.best), ""),
        f"above_gray_best_{name}": Number(found.excess, "above gray"),
        **curves,
    }


def _numbers(one: Tuning) -> dict[str, Figure]:
    reading = one.reading

    def selectivity(family: str, axis: str) -> float | None:
        curve = reading.curve(family, axis)
        return None if curve is None else curve.selectivity

    spectral, spatial = reading.spectral, reading.spatial
    values: dict[str, tuple[float | None, str]] = {
        "orientation": (reading.preferred("grating", "orientation"), "°"),
        "orientation_selectivity": (selectivity("grating", "orientation"), ""),
        "frequency": (reading.preferred("grating", "frequency"), "cycles/px"),
        "radius": (reading.preferred("curve", "radius"), "px"),
        "hue": (reading.preferred("color", "hue"), "°"),
        "hue_selectivity": (selectivity("color", "hue"), ""),
        "color_opponency": (None if spectral is None else spectral.index, ""),
        "spatial_opponency": (None if spatial is None else spatial.index, ""),
    }
    figures: dict[str, Figure] = {
        name: Number(value, PLACES[name], unit) for name, (value, unit) in values.items()
    }
    if spectral is not None:
        figures["opponent_axis"] = Number(spectral.words or spectral.kind, "colors")
        figures["double_opponent"] = Number("yes" if reading.double_opponent else "no", "double-opponent")
    for name in FAMILIES:
        lead = reading.leads.get(name)
        words = f"lead of {FAMILIES[name].title} over all others"
        figures[f"lead_{name}"] = Number(None if lead is None else round(100 * lead, 1), words, "%")
    return figures
