"""Figures as SVG of few bytes, the same for the same run, and as PNG."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from reports.draw.style import CARD, PALETTE, drawing

MERGED = 30  # so many dots of a series are one path


def lay_out(fig: Figure) -> None:
    """Place the panels once, by the SVG's text; left to savefig, that costs a whole drawing more."""
    for ax in fig.axes:
        for axis in (ax.xaxis, ax.yaxis):
            if not axis.get_label_text():
                axis.set_label_coords(0, 0)  # it need not look for a place beside the ticks
    FigureCanvasSVG(fig)
    if (engine := fig.get_layout_engine()) is not None:
        engine.execute(fig)
    fig.set_layout_engine(None)  # "none" leaves a placeholder, for which savefig draws all twice


def png(fig: Figure) -> bytes:
    """The figure as PNG on white, after its SVG was made."""
    buffer = io.BytesIO()
    with drawing():
        fig.savefig(buffer, format="png", dpi=160, facecolor=CARD, metadata={"Software": None})
    return buffer.getvalue()


_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_HREF = f"{{{_XLINK}}}href"
ElementTree.register_namespace("", _SVG)
ElementTree.register_namespace("xlink", _XLINK)
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_GEOMETRY = ("d", "x", "y", "width", "height", "transform", "points", "cx", "cy", "r")
_VARIABLES = {light: f"var(--{name})" for name, (light, _) in PALETTE.items()}


def svg(fig: Figure, name: str, title: str, description: str) -> str:
    """The figure as inline SVG: its ids begin with `name`, its colours are the page's variables."""
    buffer = io.BytesIO()
    with drawing():
        lay_out(fig)
        fig.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    root = ElementTree.fromstring(buffer.getvalue())
    for child in [*root.findall(f"{{{_SVG}}}metadata"), root.find(f"{{{_SVG}}}defs")]:
        if child is not None:
            root.remove(child)
    used = re.findall(rb"(?:url\(#|href=\"#)([^\")]+)", buffer.getvalue())
    ids = {key.decode(): f"{name}-{i}" for i, key in enumerate(dict.fromkeys(used))}
    for element in root.iter():
        _tidy(element, ids)
    _dots(root)
    _hoist(root)
    box = root.attrib["viewBox"]
    root.attrib.clear()
    inches = float(fig.get_figwidth())
    sizes = (
        f"min-width:{5.3 * inches:.1f}rem;max-width:{7.1 * inches:.1f}rem"  # text stays readable on a phone
    )
    labels = f"{name}-title {name}-desc"
    root.attrib.update({"viewBox": box, "role": "img", "aria-labelledby": labels, "style": sizes})
    for tag, text in (("desc", description), ("title", title)):
        element = ElementTree.Element(f"{{{_SVG}}}{tag}", {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(0, element)
    return ElementTree.tostring(root, encoding="unicode")


def _tidy(element: ElementTree.Element, ids: dict[str, str]) -> None:
    attributes = element.attrib
    if attributes.get("id") in ids:
        attributes["id"] = ids[attributes["id"]]
    else:
        attributes.pop("id", None)
    if attributes.get(_HREF, "").startswith("#"):
        attributes[_HREF] = "#" + ids[attributes[_HREF][1:]]
    if "clip-path" in attributes:
        attributes["clip-path"] = f"url(#{ids[attributes['clip-path'][5:-1]]})"
    for key in _GEOMETRY:
        if key in attributes:
            attributes[key] = _NUMBER.sub(_rounded, attributes[key]).replace("\n", "").strip()
    if attributes.get("transform", "").startswith("rotate(-0 "):
        del attributes["transform"]
    if "style" in attributes:
        parts = dict(part.split(": ", 1) for part in attributes["style"].split("; ") if part)
        parts.pop("font-family", None)
        attributes["style"] = ";".join(f"{k}:{_VARIABLES.get(v, v)}" for k, v in parts.items())
    if not (element.text or "").strip():
        element.text = None
    element.tail = None


def _rounded(match: re.Match[str]) -> str:
    text = f"{float(match[0]):.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _dots(root: ElementTree.Element) -> None:
    """Many round dots of one series: one path of points with round ends, a quarter of the bytes.

    Where dots of such a series overlap, they are no darker than one.
    """
    paths = {path.get("id"): path for path in root.iter(f"{{{_SVG}}}path")}
    for group in root.iter(f"{{{_SVG}}}g"):
        kinds = {(child.get(_HREF, ""), child.get("style", "")) for child in group}
        if len(group) < MERGED or len(kinds) > 1 or any(child.tag != f"{{{_SVG}}}use" for child in group):
            continue
        href, look = kinds.pop()
        shape = paths[href[1:]].get("d", "")
        if shape.count("C") != 8 or not shape.startswith("M 0 ") or "stroke" in look:
            continue  # no circle, or one with an edge
        radius = float(shape.split("C")[0].split()[2])
        points = "".join(f"M{_tenth(child.get('x'))} {_tenth(child.get('y'))}h0" for child in group)
        ends = f"fill:none;{look.replace('fill', 'stroke')};stroke-width:{2 * radius:g};stroke-linecap:round"
        for child in list(group):
            group.remove(child)
        ElementTree.SubElement(group, f"{{{_SVG}}}path", {"d": points, "style": ends})


def _tenth(x: str | None) -> str:
    """A coordinate to a tenth of a point, which no eye tells from a hundredth."""
    return f"{float(x or 0):.1f}".removesuffix(".0")


def _hoist(root: ElementTree.Element) -> None:
    """Marks of one series share their style: write it once, on their group."""
    for group in root.iter(f"{{{_SVG}}}g"):
        styles = {child.get("style") for child in group}
        marks = all(child.tag == f"{{{_SVG}}}use" for child in group)
        if (
            len(group) > 1
            and marks
            and len(styles) == 1
            and None not in styles
            and "style" not in group.attrib
        ):
            group.set("style", styles.pop() or "")
            for child in group:
                del child.attrib["style"]
