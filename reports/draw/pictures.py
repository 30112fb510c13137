"""The pictures of a part of the page: each of its panels as SVG, and as PNG that can be read alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from reports.data import words
from reports.draw import style, svg
from reports.parts import Key, Panel


class Order(NamedTuple):
    """The panels of a part to be made. title, description: for those who do not see them."""

    draw: Callable[[], Sequence[Panel]]
    title: str
    description: str
    legend: Sequence[Key] = ()

    def make(self, name: str) -> list[Picture]:
        """A picture of each panel; the ids in its SVG begin with the name."""
        with style.drawing():
            return self._made(name)

    def _made(self, name: str) -> list[Picture]:
        made, taken = [], set[str]()
        for panel in self.draw():
            short = base = re.sub(r"[^a-z0-9]+", "-", panel.name.lower()).strip("-")[:40] or "panel"
            number = 2
            while short in taken:
                short, number = f"{base}-{number}", number + 1
            taken.add(short)
            asked = f"{self.title} {panel.title}"
            drawn = svg.svg(panel.figure, f"{name}-{short}", asked, self.description)
            alone = svg.png(panel.figure, asked, self.legend)
            made.append(Picture(short, panel.title, words.clean(panel.dataset), drawn, alone))
        return made


class Picture(NamedTuple):
    """A panel, twice. name: of its file, after its part's. dataset: that it shows, if it is one's."""

    name: str
    title: str
    dataset: str
    svg: str
    png: bytes
