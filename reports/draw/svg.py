"""Figures as SVG of few bytes, the same for the same run, and as PNG that can be read alone."""

from __future__ import annotations

import io
import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.transforms import Affine2D

from reports.data import words
from reports.draw.style import CARD, PALETTE, drawing
from reports.parts import Key

OPEN = ("x", "|", "+")  # marks without an inside
PASSES = 3  # at most, to place a panel
PAD = 3.0  # points around what is drawn
NEAR = 0.3  # points: a curve's point that lies so near to the line through its neighbours is left out
EDGE = 1.5  # points beyond a panel from which on it is cut
LINE = 15.0  # points of a line above a PNG
TITLED = 200  # marks of a panel that say their value; more would double the page


class Box(NamedTuple):
    """A panel's rectangle, in points from the left and from the top."""

    x: float
    y: float
    width: float
    height: float

    def holds(self, points: np.ndarray) -> bool:
        """Whether all points lie in it, or just beside."""
        low, high = points.min(axis=0), points.max(axis=0)
        return bool(
            low[0] > self.x - EDGE
            and low[1] > self.y - EDGE
            and high[0] < self.x + self.width + EDGE
            and high[1] < self.y + self.height + EDGE
        )


def lay_out(fig: Figure) -> None:
    """Place a panel once so that nothing is cut; left to savefig, that costs a whole drawing more."""
    for ax in fig.axes:
        for axis in (ax.xaxis, ax.yaxis):
            if not axis.get_label_text():
                axis.set_label_coords(0, 0)  # it need not look for a place beside the ticks
    renderer = FigureCanvasAgg(fig).get_renderer()  # type: ignore[no-untyped-call]
    width, height = fig.bbox.width, fig.bbox.height
    pad = PAD * fig.dpi / 72
    for ax in fig.axes:
        for _ in range(PASSES):
            inner, outer = ax.bbox, ax.get_tightbbox(renderer)
            if outer is None:
                break
            left, low = inner.x0 - outer.x0 + pad, inner.y0 - outer.y0 + pad
            right, top = outer.x1 - inner.x1 + pad, outer.y1 - inner.y1 + pad
            ax.set_position(
                (left / width, low / height, 1 - (left + right) / width, 1 - (low + top) / height)
            )
            labels = [axis.label.get_window_extent(renderer) for axis in (ax.xaxis, ax.yaxis)]
            if labels[0].width < ax.bbox.width and labels[1].height < ax.bbox.height:
                break  # a longer label sticks out on other sides, now that its axis is shorter


def png(fig: Figure, title: str = "", legend: Sequence[Key] = ()) -> bytes:
    """The figure as PNG on white, after its SVG was made: its title and what its series are above it."""
    buffer = io.BytesIO()
    with drawing():
        if title:
            _head(fig, title, legend)
        fig.savefig(
            buffer,
            format="png",
            dpi=160,
            facecolor=CARD,
            metadata={"Software": None},
            pil_kwargs={"compress_level": 2},  # 7 % larger than usual, in a third of the time
        )
    return buffer.getvalue()


def _head(fig: Figure, title: str, legend: Sequence[Key]) -> None:
    """Make room above a figure for its title and a legend."""
    width, height = (72 * side for side in fig.get_size_inches())
    lines = textwrap.wrap(title, max(int(width / 6.4), 12)) or [title]
    longest = max((len(key.title) for key in legend), default=0)
    columns = max(1, min(len(legend), 4, int(width / (34 + 6.2 * longest))))
    rows = -(-len(legend) // columns)
    room = LINE * (len(lines) + rows) + 8
    whole = height + room
    for ax in fig.axes:
        x, y, wide, high = ax.get_position().bounds
        ax.set_position((x, y * height / whole, wide, high * height / whole))
    fig.set_size_inches(width / 72, whole / 72)
    fig.text(6 / width, 1 - 4 / whole, "\n".join(lines), va="top", fontweight="bold", linespacing=1.15)
    if legend:
        below = 1 - (LINE * len(lines) + 4) / whole
        fig.legend(
            [handle(key) for key in legend],
            [key.title for key in legend],
            loc="upper left",
            bbox_to_anchor=(0, below),
            ncols=columns,
            handlelength=2.6,
            columnspacing=1.0,
            borderpad=0.2,
            labelspacing=0.2,
        )


def handle(key: Key) -> Line2D:
    """What stands for a series in a legend that is drawn."""
    look = key.look
    face = CARD if key.hollow else look.colour
    edge = look.colour if key.hollow or look.marker in OPEN else CARD
    line = look.dash if key.line else "none"
    made = Line2D([], [], color=look.colour, ls=line, marker=look.marker, ms=5, mew=0.8)
    made.set_markerfacecolor(face)
    made.set_markeredgecolor(edge)
    return made


_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_HREF = f"{{{_XLINK}}}href"
ElementTree.register_namespace("", _SVG)
ElementTree.register_namespace("xlink", _XLINK)
_VARIABLES = {light: f"var(--{name})" for name, (light, _) in PALETTE.items()}
_TOKEN = re.compile(r"[MLCQz]|-?\d+(?:\.\d+)?(?:e-?\d+)?")
_POINTS = {"M": 1, "L": 1, "Q": 2, "C": 3}


def svg(fig: Figure, name: str, title: str, description: str) -> str:
    """The figure as inline SVG: its ids begin with `name`, its colours are the page's variables."""
    buffer = io.BytesIO()
    with drawing():
        lay_out(fig)
        fig.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    old = ElementTree.fromstring(buffer.getvalue())
    width, height = (f"{72 * side:g}" for side in fig.get_size_inches())
    labels = f"{name}-title {name}-desc"
    size = {"viewBox": f"0 0 {width} {height}", "width": width, "height": height}
    root = ElementTree.Element("svg", {**size, "role": "img", "aria-labelledby": labels})
    for tag, text in (("title", title), ("desc", description)):
        ElementTree.SubElement(root, tag, {"id": f"{name}-{tag}"}).text = text
    _Compact(old, name).write(root)
    return ElementTree.tostring(root, encoding="unicode").replace(" />", "/>")


class _Compact:
    """Matplotlib's SVG rewritten: no bare groups, marks in place, short paths, cut only where needed."""

    def __init__(self, root: ElementTree.Element, name: str) -> None:
        self.root, self.name = root, name
        every = root.iter(f"{{{_SVG}}}path")
        self.shapes = {path.attrib["id"]: path.get("d", "") for path in every if "id" in path.attrib}
        self.boxes = {}
        for clip in root.iter(f"{{{_SVG}}}clipPath"):
            rect = clip[0]
            if rect.tag == f"{{{_SVG}}}rect":
                sides = (float(rect.get(k, 0)) for k in ("x", "y", "width", "height"))
                self.boxes[clip.attrib["id"]] = Box(*sides)
        self.cut: dict[Box, str] = {}

    def write(self, target: ElementTree.Element) -> None:
        """Put all that is seen into `target`."""
        found = list(self._children(self.root, None))
        for box, name in self.cut.items():
            clip = ElementTree.SubElement(target, "clipPath", {"id": name})
            sides = {k: _decimal(round(10 * v)) for k, v in box._asdict().items()}
            ElementTree.SubElement(clip, "rect", sides)
        target.extend(_merged(found))

    def _children(self, parent: ElementTree.Element, box: Box | None) -> Iterator[ElementTree.Element]:
        for child in parent:
            tag = child.tag.removeprefix(f"{{{_SVG}}}")
            here = self.boxes.get(child.get("clip-path", "")[5:-1], box)
            if tag == "g":
                yield from self._group(child, here)
            elif tag == "path":
                yield from self._path(child, here)
            elif tag == "use":
                yield from self._use(child, here)
            elif tag == "text":
                yield self._text(child)
            elif tag == "image":
                yield self._image(child)

    def _group(self, group: ElementTree.Element, box: Box | None) -> Iterator[ElementTree.Element]:
        name = group.get("id", "")
        inside = list(self._children(group, box))
        if name.startswith("matplotlib.axis"):  # lines of one style together, then labels
            inside.sort(key=lambda one: one.tag == "text")
            yield from _merged(_by_style(inside))
        elif name.startswith("{"):
            told: dict[str, Any] = json.loads(name)
            titles = told.pop("titles", [])
            marks = [one for one in inside if one.get("mark")] or inside
            if len(titles) == len(marks):
                for one, title in zip(marks, titles, strict=True):
                    ElementTree.SubElement(one, "title").text = title
            made = ElementTree.Element("g", {f"data-{key}": value for key, value in told.items()})
            made.extend(_merged(inside))
            if len(made):
                yield made
        else:
            yield from inside

    def _path(self, path: ElementTree.Element, box: Box | None) -> Iterator[ElementTree.Element]:
        style = _style(path)
        if style:
            yield from self._drawn(path.get("d", ""), style, box, 0.0, 0.0)

    def _drawn(
        self, shape: str, style: str, box: Box | None, x: float, y: float
    ) -> Iterator[ElementTree.Element]:
        parts = [(kind, points + np.array([x, y])) for kind, points in _segments(shape)]
        known = [points for _, points in parts if len(points)]
        if not known:
            return
        made = ElementTree.Element("path", {"d": _short(parts), "style": style})
        if box is not None and not box.holds(np.concatenate(known)):
            name = self.cut.setdefault(box, f"{self.name}-clip{len(self.cut) or ''}")
            made.set("clip-path", f"url(#{name})")
        yield made

    def _use(self, use: ElementTree.Element, box: Box | None) -> Iterator[ElementTree.Element]:
        style, shape = _style(use), self.shapes[use.attrib[_HREF][1:]]
        x, y = float(use.get("x", 0)), float(use.get("y", 0))
        if not style:
            return
        first = re.match(r"M (\S+) (\S+)", shape)
        if first and max(abs(float(number)) for number in first.groups()) > 25:  # an area, placed from below
            yield from self._drawn(shape, style, box, x, y)
            return
        if box is not None and not box.holds(np.array([[x, y]])):
            return
        at = f"M{_pair(round(10 * x), round(10 * y))}"
        if "stroke" not in style and (radius := _radius(shape)):  # a round end of a line is shorter
            ends = f"stroke-width:{_decimal(2 * radius)};stroke-linecap:round"
            dot = {"d": f"{at}h0", "style": f"fill:none;{style.replace('fill', 'stroke')};{ends}"}
            yield ElementTree.Element("path", {**dot, "mark": "1"})
            return
        yield ElementTree.Element("path", {"d": at + mark(shape), "style": style, "mark": "1"})

    def _text(self, text: ElementTree.Element) -> ElementTree.Element:
        moved = re.match(r"translate\((\S+) (\S+)\)", text.get("transform", ""))  # a line of several
        x, y = map(float, moved.groups() if moved else (text.get("x", 0), text.get("y", 0)))
        made = ElementTree.Element("text", {"style": _style(text)})
        turned = re.search(r"rotate\((-?[\d.]+)", text.get("transform", ""))
        at = f"{x:.1f}".removesuffix(".0"), f"{y:.1f}".removesuffix(".0")
        if turned and float(turned[1]):
            made.set("transform", f"translate({at[0]} {at[1]})rotate({float(turned[1]):g})")
        else:
            made.attrib |= {"x": at[0], "y": at[1]}
        made.text = "".join(text.itertext())
        return made

    def _image(self, image: ElementTree.Element) -> ElementTree.Element:
        kept = ("x", "y", "width", "height", "transform", "style")
        made = ElementTree.Element("image", {k: image.attrib[k] for k in kept if k in image.attrib})
        made.set("href", image.attrib[_HREF].replace("\n", ""))
        return made


def _by_style(elements: Iterable[ElementTree.Element]) -> list[ElementTree.Element]:
    """Elements of one style behind each other, in the order of their first ones."""
    found: dict[tuple[str, str], list[ElementTree.Element]] = {}
    for one in elements:
        found.setdefault((one.tag, one.get("style", "")), []).append(one)
    return [one for same in found.values() for one in same]


def _merged(elements: Iterable[ElementTree.Element]) -> list[ElementTree.Element]:
    """Neighbours that differ in their geometry alone as one."""
    made: list[ElementTree.Element] = []
    for one in elements:
        one.attrib.pop("mark", None)
        before = made[-1] if made else None
        if before is not None and one.tag == before.tag:
            same = {**one.attrib, "d": ""} == {**before.attrib, "d": ""}
            if same and one.tag == "path" and not len(one) and not len(before):
                before.set("d", before.get("d", "") + one.get("d", ""))
                continue
            if one.tag == "g" and one.attrib == before.attrib:
                inside = _merged([*before, *one])
                before[:] = inside
                continue
        made.append(one)
    return made


def _style(element: ElementTree.Element) -> str:
    """A style in short, with the page's colours; empty for what is not seen."""
    text = element.get("style", "")
    parts = dict(part.split(": ", 1) for part in text.split("; ") if part)
    parts.pop("font-family", None)
    if not element.tag.endswith("text"):
        if parts.get("fill", "") == "none" and "stroke" not in parts:
            return ""
        if "stroke" not in parts or parts.get("stroke-opacity") == "0":
            parts = {k: v for k, v in parts.items() if not k.startswith("stroke")}
    return ";".join(f"{k}:{_VARIABLES.get(v, v)}" for k, v in parts.items())


def _segments(path: str) -> Iterator[tuple[str, np.ndarray]]:
    """A path's commands with their points, (n, 2) each; "z" has none."""
    tokens = iter(_TOKEN.findall(path))
    for kind in tokens:
        many = 2 * _POINTS.get(kind, 0)
        yield kind, np.array([float(next(tokens)) for _ in range(many)]).reshape(-1, 2)


def _radius(shape: str) -> int:
    """A circle's, in tenths; 0 for other shapes."""
    round_ = shape.count("C") == 8 and shape.startswith("M 0 ")
    return round(10 * float(shape.split("C")[0].split()[2])) if round_ else 0


def mark(shape: str) -> str:
    """A mark's path from the point it stands on, all relative."""
    if radius := _radius(shape):
        r, way, back = _decimal(radius), _decimal(2 * radius), _decimal(-2 * radius)
        return f"m{_pair(-radius, 0)}a{r} {r} 0 1 0 {way} 0 {r} {r} 0 1 0 {back} 0"
    return f"m{_short(_segments(shape))[1:]}".removeprefix("m0 0")


def _short(segments: Iterable[tuple[str, np.ndarray]]) -> str:
    """A path of relative commands in tenths of a point, which no eye tells from hundredths."""
    found, last = list[str](), ""
    here = start = (0, 0)
    for kind, points in _thinned(segments):
        places = [(round(10 * x), round(10 * y)) for x, y in points.tolist()]
        if kind == "z":
            found.append("z")
            here, last = start, "z"
            continue
        steps = [(x - here[0], y - here[1]) for x, y in places]
        letter, numbers = {"M": "m", "L": "l", "C": "c", "Q": "q"}[kind], [n for step in steps for n in step]
        if kind == "M":
            letter, numbers = ("m", numbers) if found else ("M", list(places[0]))
            start = places[0]
        elif kind == "L":
            if numbers == [0, 0] and last not in ("m", "M"):
                continue  # alone it is a dot
            if not numbers[1]:
                letter, numbers = "h", numbers[:1]
            elif not numbers[0]:
                letter, numbers = "v", numbers[1:]
        here = places[-1]
        text = _joined(numbers)
        again = letter == last and letter in "lhvc"
        found.append(f"{'' if text[0] == '-' or not again else ' '}{text}" if again else f"{letter}{text}")
        last = letter
    return "".join(found)


def _thinned(segments: Iterable[tuple[str, np.ndarray]]) -> Iterator[tuple[str, np.ndarray]]:
    """The same path, its lines without the points that nobody would miss."""
    line: list[np.ndarray] = []

    def flushed() -> Iterator[tuple[str, np.ndarray]]:
        if line:
            whole = np.concatenate(line)
            for i in np.flatnonzero(_kept(whole)).tolist():
                if i:
                    yield "L", whole[i : i + 1]

    for kind, points in segments:
        if kind == "L" and line:
            line.append(points)
            continue
        yield from flushed()
        line = [points[-1:]] if len(points) else []
        yield kind, points
    yield from flushed()


def _kept(line: np.ndarray) -> np.ndarray:
    """Which points of a line are needed to stay NEAR it (Douglas & Peucker)."""
    keep = np.zeros(len(line), bool)
    keep[[0, -1]] = True
    if len(line) <= 6:
        return ~keep | True
    parts = [(0, len(line) - 1)]
    while parts:
        first, last = parts.pop()
        if last - first < 2:
            continue
        way, inner = line[last] - line[first], line[first + 1 : last] - line[first]
        length = float(np.hypot(*way))
        if length < 1e-9:
            far = np.hypot(*inner.T)
        else:
            far = np.abs(way[0] * inner[:, 1] - way[1] * inner[:, 0]) / length
        if far.max() > NEAR:
            middle = first + 1 + int(far.argmax())
            keep[middle] = True
            parts += [(first, middle), (middle, last)]
    return keep


def _decimal(tenths: int) -> str:
    """Tenths as a number: 12, 1.5, .5, -.5."""
    whole, rest = divmod(abs(tenths), 10)
    text = f"{whole or ''}.{rest}" if rest else str(whole)
    return f"-{text}" if tenths < 0 else text


def _pair(x: int, y: int) -> str:
    return _joined([x, y])


def _joined(numbers: Sequence[int]) -> str:
    """Numbers with a blank only where they would run together."""
    text, dotted = "", False
    for n in numbers:
        one = _decimal(n)
        glued = not text or one[0] == "-" or (one[0] == "." and dotted)
        text += one if glued else f" {one}"
        dotted = "." in one
    return text


def swatch(key: Key) -> str:
    """What stands for a series in the page's legend, as inline SVG."""
    look, parts = key.look, []
    wide, size = (34, 8) if key.line else (16, 11)
    colour = _VARIABLES.get(look.colour, look.colour)
    if key.line:
        dash = "" if isinstance(look.dash, str) else ",".join(f"{1.5 * n:g}" for n in look.dash[1])
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<path d="M1 6h32" fill="none" stroke="{colour}" stroke-width="1.5"{dashed}/>')
    if look.marker:
        kind = MarkerStyle(look.marker)
        path = kind.get_path().transformed(kind.get_transform() + Affine2D().scale(size, -size))
        shape = " ".join(_commands(path.vertices, path.codes))
        filled = look.marker not in OPEN
        fill = "none" if not filled else "var(--card)" if key.hollow else colour
        edge = colour if key.hollow or not filled else "var(--card)" if key.line else "var(--muted)"
        width = 1.3 if key.hollow or not filled else 0.5
        parts.append(
            f'<path d="M{wide // 2} 6{mark(shape)}" fill="{fill}" stroke="{edge}" stroke-width="{width}"/>'
        )
    head = f'<svg class="key" viewBox="0 0 {wide} 12" width="{wide}" height="12" aria-hidden="true">'
    return f"{head}{''.join(parts)}</svg>"


def _commands(vertices: Any, codes: Any) -> Iterator[str]:
    letters = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "z"}
    kinds = codes if codes is not None else [1, *[2] * (len(vertices) - 1)]
    i = 0
    while i < len(kinds):
        letter = letters[int(kinds[i])]
        many = _POINTS.get(letter, 0)
        numbers = (f"{number:.6f}" for number in np.asarray(vertices[i : i + many]).ravel())
        yield " ".join([letter, *numbers])
        i += many or 1


_STYLED = re.compile(r' style="([^"]*)"')


def classes(pictures: Sequence[str]) -> tuple[str, list[str]]:
    """A page's pictures with each style written once: the rules, and the pictures that name them."""
    known: dict[str, str] = {}

    def named(match: re.Match[str]) -> str:
        return f' class="{known.setdefault(match[1], f"s{len(known)}")}"'

    made = [_STYLED.sub(named, picture) for picture in pictures]
    return "".join(f".{name}{{{style}}}\n" for style, name in known.items()), made


def marks_told(titles: Sequence[str]) -> list[str]:
    """The titles of a panel's marks, none where there are too many."""
    return [words.clean(title) for title in titles] if len(titles) <= TITLED else []
