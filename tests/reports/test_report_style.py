"""Pictures: series stay apart without colour vision, names are never markup, bytes are stable."""

from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.draw import forest, style, svg
from reports.draw.style import PALETTE

Doubles = NDArray[np.float64]

# Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}


def linear(colour: str) -> Doubles:
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: Doubles) -> Doubles:
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
    xyz = np.array(to_xyz) @ np.clip(rgb, 0, 1) / np.array([0.95047, 1, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def delta_e(one: Doubles, two: Doubles) -> float:
    """CIEDE2000 (Sharma, Wu & Dalal 2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, two
    c_mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(c_mean**7 / (c_mean**7 + 25**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    d_l, d_c, d_h = l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)
    mean, c, h = (l1 + l2) / 2, (c1 + c2) / 2, h1 + turn / 2
    t = 1 - 0.17 * np.cos(np.radians(h - 30)) + 0.24 * np.cos(np.radians(2 * h))
    t += 0.32 * np.cos(np.radians(3 * h + 6)) - 0.20 * np.cos(np.radians(4 * h - 63))
    s_l, s_c, s_h = (
        1 + 0.015 * (mean - 50) ** 2 / np.sqrt(20 + (mean - 50) ** 2),
        1 + 0.045 * c,
        1 + 0.015 * c * t,
    )
    angle = np.radians(60 * np.exp(-((((h % 360) - 275) / 25) ** 2)))
    r = -2 * np.sqrt(c**7 / (c**7 + 25**7)) * np.sin(angle)
    parts = (d_l / s_l) ** 2 + (d_c / s_c) ** 2 + (d_h / s_h) ** 2 + r * d_c / s_c * d_h / s_h
    return float(np.sqrt(parts))


def contrast(one: str, two: str) -> float:
    weights = np.array([0.2126, 0.7152, 0.0722])
    light, dark = sorted((float(weights @ linear(c)) for c in (one, two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_delta_e_is_the_published_one() -> None:
    # Sharma, Wu & Dalal 2005, table 1, pairs 1, 7, 17 and 25.
    for one, two, wanted in (
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ):
        assert delta_e(np.array(one), np.array(two)) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("vision", list(VISION))
def test_series_stay_apart(mode: int, vision: str) -> None:
    colours = [PALETTE[f"series{i}"][mode] for i in range(style.COLOURED)]
    seen = [lab(VISION[vision] @ linear(colour)) for colour in colours]
    assert min(delta_e(a, b) for a, b in itertools.combinations(seen, 2)) >= 15


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_contrast(mode: int) -> None:
    shade = {name: pair[mode] for name, pair in PALETTE.items()}
    for text, ground in (
        *(("ink", f"heat{i}") for i in range(7)),
        *((text, ground) for text in ("ink", "muted", "accent") for ground in ("card", "page")),
        ("good", "card"),
        ("bad", "card"),
        ("good", "goodsoft"),
        ("warn", "warnsoft"),
        ("ink", "warnsoft"),
        ("accent", "warnsoft"),
        ("warn", "page"),
        ("bad", "badsoft"),
        ("ink", "band"),
    ):
        assert contrast(shade[text], shade[ground]) >= 4.5, (text, ground)
    for mark in [f"series{i}" for i in range(style.COLOURED)] + ["grey"]:
        assert contrast(shade[mark], shade["card"]) >= 3, mark


def test_every_sentinel_is_used_once() -> None:
    lights = [light for light, _ in PALETTE.values()]
    assert len(set(lights)) == len(lights)
    assert all(re.fullmatch("#[0-9a-f]{6}", c) for pair in PALETTE.values() for c in pair)


def test_looks_differ_without_colour_and_only_five_have_one() -> None:
    names = [f"o{i}" for i in range(8)]
    made = style.looks(names, names[::-1])
    assert len({(str(look.marker), str(look.dash)) for look in made.values()}) == 8
    assert len({look.marker for look in made.values()}) == 8
    assert len({str(look.dash) for look in made.values()}) == 8
    assert [name for name in names if made[name].colour != style.GREY] == names[3:]
    assert len({made[name].colour for name in names[3:]}) == 5


def picture(name: str) -> Figure:
    with style.drawing():
        fig = Figure(figsize=(4, 3), layout="constrained")
        ax = fig.subplots()
        ax.plot([1, 2, 3], [3, 1, 2], color=style.LIGHT["series0"], marker="o", label=name)
        ax.set_title(name)
        ax.legend()
    return fig


@pytest.mark.parametrize("name", ['<b>&"]]>', "$x_1$", "$\\frac", "🙂 emoji", "-->"])
def test_names_in_pictures_are_text(name: str) -> None:
    text = svg.svg(picture(name), "fig", name, name)
    root = ElementTree.fromstring(text)
    shown = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert shown.count(name) == 2
    assert root[0].text == name
    assert svg.png(picture(name)).startswith(b"\x89PNG")


def test_pictures_have_stable_bytes_prefixed_ids_and_variables() -> None:
    one, two = (svg.svg(picture("x"), "fig", "t", "d") for _ in range(2))
    assert one == two
    assert svg.png(picture("x")) == svg.png(picture("x"))
    ids = re.findall(r' id="([^"]+)"', one)
    assert ids
    assert all(i.startswith("fig-") for i in ids)
    assert set(re.findall(r"url\(#([^)]+)\)", one)) <= set(ids)
    assert set(re.findall(r'href="#([^"]+)"', one)) <= set(ids)
    assert "var(--series0)" in one
    assert not re.search(r"#[0-9a-f]{6}[;\"]", one)
    assert "DejaVu" not in one
    assert "<style" not in one
    assert not plt.get_fignums()


def test_a_picture_is_drawn_once_as_svg_and_once_as_png(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, whole = [], Figure.draw

    def draw(fig: Figure, renderer: RendererBase) -> None:
        drawn.append(renderer)
        whole(fig, renderer)

    monkeypatch.setattr(Figure, "draw", draw)
    fig = picture("x")
    svg.svg(fig, "f", "t", "d")
    svg.png(fig)
    assert len(drawn) == 2


def test_many_marks_become_pixels() -> None:
    for n, images in ((style.MARKS, 0), (style.MARKS + 1, 1)):
        with style.drawing():
            fig = Figure(figsize=(3, 2))
            x = np.linspace(1, 2, n)
            fig.subplots().plot(x, x, "o", rasterized=n > style.MARKS)
        assert svg.svg(fig, "f", "t", "d").count("<image") == images


@pytest.mark.parametrize(
    ("low", "high"), [(0.6, 1.6), (1, 1e6), (1e-7, 1e-1), (0.97, 1.03), (3.0, 3.1), (64, 40_926)]
)
def test_log_axes_have_a_few_ticks(low: float, high: float) -> None:
    with style.drawing():
        ax = Figure().subplots()
        style.log_axis(ax, "y", low, high)
    ticks = ax.get_yticks()
    assert 2 <= len(ticks) <= 7
    assert all(low <= t <= high for t in ticks)
    labels = [style.plain(t) for t in ticks]
    assert len(set(labels)) == len(labels)


def test_forest_marks_what_goes_on_and_survives_nan_and_inf() -> None:
    look = style.looks(["o"], ["o"])["o"]
    nan, inf = float("nan"), float("inf")
    lines = [
        forest.Line("cut", 1.0, -inf, inf, "text"),
        forest.Line("lost", nan, nan, nan, "not known"),
        forest.Line("gone", inf, inf, inf, "infinite"),
    ]
    groups = [forest.Group("o", "note", look, lines)]
    span = forest.reach(groups, 10)
    assert np.isfinite(span)
    with style.drawing():
        text = svg.svg(forest.draw(groups, "label", span, 2), "f", "t", "d")
    assert {"cut", "lost", "gone", "not known", "infinite"} <= set(pd.Series(re.findall(">([^<>]+)</", text)))


def test_somebody_s_own_settings_of_matplotlib_draw_no_other_picture() -> None:
    def made() -> tuple[str, bytes]:
        with style.drawing():
            fig = Figure(figsize=(3, 2))
            fig.subplots().plot([1, 2], [2, 1], "o-")
        return svg.svg(fig, "name", "Title", "Line."), svg.png(fig)

    before = made()
    with plt.rc_context({"xtick.major.pad": 20, "axes.xmargin": 0.4, "lines.markersize": 20}):
        assert made() == before
        assert plt.rcParams["xtick.major.pad"] == 20  # which are as they were, afterwards
