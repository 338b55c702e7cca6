"""Bars of charts: shares of the room that the template draws them in. No text in the picture: it
would stretch with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDE, HIGH, GAP = 10, 100, 2  # units of one day's place, of the whole height, and between two bars


@dataclass(frozen=True)
class Bar:
    """One rectangle. series: 1 or 2; title: what it says to those who point at it."""

    x: float
    y: float
    height: float
    series: int
    title: str


@dataclass(frozen=True)
class Bars:
    """A chart. base: how far down the line is from which bars go up (series 1) and down
    (series 2).
    """

    bars: list[Bar]
    width: int
    base: float
    height: int = HIGH
    bar_width: int = WIDE - GAP


def bars(
    up: Sequence[float], down: Sequence[float], titles: Sequence[str], *, most: float = 0
) -> Bars:
    """Two rows of numbers around one line, on one scale; a negative number goes to the other side.
    most: what fills the height at least.
    """
    highest = max([most, *up, *(-value for value in down)], default=0)
    lowest = max([0, *down, *(-value for value in up)])
    scale = HIGH / ((highest + lowest) or 1)
    base = highest * scale if highest + lowest else HIGH
    rectangles = []
    for number, title in enumerate(titles):
        for series, value in ((1, up[number] if up else 0), (2, -down[number] if down else 0)):
            if value:
                height = abs(value) * scale
                x = number * WIDE + GAP / 2
                rectangles.append(
                    Bar(
                        x,
                        round(base - height if value > 0 else base, 2),
                        round(height, 2),
                        series,
                        title,
                    )
                )
    return Bars(rectangles, len(titles) * WIDE, round(base, 2))
