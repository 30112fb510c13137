"""Pictures: series stay apart without colour vision, names are never markup, bytes are stable."""

from __future__ import annotations

import dataclasses
import itertools
import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray

import reports
from reports.draw import intervals, looks, style, svg
from reports.draw.style import LIGHT, PALETTE
from reports.parts import Key

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


OPTIMIZERS = [*looks.FIXED, "newcomer"]  # as the palette names their colours


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("vision", list(VISION))
def test_the_colours_of_optimizers_stay_apart(mode: int, vision: str) -> None:
    """No eight colours reach 15 and a contrast of 3 for all eyes; a marker and a dash tell the rest."""
    seen = [lab(VISION[vision] @ linear(PALETTE[name][mode])) for name in OPTIMIZERS]
    least = min(delta_e(a, b) for a, b in itertools.combinations(seen, 2))
    assert least >= (18 if vision == "normal" else 14)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_no_optimizer_is_grey(mode: int) -> None:
    for name in OPTIMIZERS:
        _, a, b = lab(linear(PALETTE[name][mode]))
        assert np.hypot(a, b) > 20, name


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
    for mark in [*OPTIMIZERS, "grey", *looks.PLAIN]:
        assert contrast(shade[mark], shade["card"]) >= 3, mark


def test_every_sentinel_is_used_once() -> None:
    lights = [light for light, _ in PALETTE.values()]
    assert len(set(lights)) == len(lights)
    assert all(re.fullmatch("#[0-9a-f]{6}", c) for pair in PALETTE.values() for c in pair)


def test_an_optimizer_looks_the_same_whoever_else_runs() -> None:
    every = looks.of_optimizers(looks.FIXED)
    for some in (looks.FIXED[::-1], looks.FIXED[3:5], ("mine", *looks.FIXED[2:])):
        found = looks.of_optimizers(some, {"mine"})
        assert {name: look for name, look in found.items() if name != "mine"} == {
            name: every[name] for name in some if name != "mine"
        }


def test_looks_differ_and_do_without_colour() -> None:
    strange = [f"mine{i}" for i in range(6)]
    many = [*looks.of_optimizers([*looks.FIXED, *strange], strange).values()]
    assert len(set(many)) == len(many)
    assert len({look.marker for look in many[:8]}) == len({str(look.dash) for look in many[:8]}) == 8
    more = [looks.numbered(i) for i in range(64)]
    assert len({(look.marker, str(look.dash)) for look in more}) == 64
    assert not {look.colour for look in more} & {look.colour for look in many[8:]}
    assert len({(look.marker, str(look.dash)) for look in map(looks.plain, range(30))}) == 30
    assert not {looks.plain(i).colour for i in range(30)} & {look.colour for look in many}


def test_a_newcomer_with_the_name_of_another_looks_like_none() -> None:
    own = looks.of_optimizers(["adam"], {"adam"})["adam"]
    assert own.colour == looks.NEWCOMER


def test_arms_keep_the_colour_of_their_optimizer(real: Path) -> None:
    run = reports.read(real)
    arms = [("adam", f"adam-{i}") for i in range(20)] + [("sgd", "sgd")]
    frame = pd.DataFrame(arms, columns=["uses", "optimizer"]).assign(source="")
    frame["position"] = range(len(frame))
    found = looks.of_arms(dataclasses.replace(run, tables={**run.tables, "optimizers": frame}))
    assert found["sgd"] == looks.of_optimizers(["sgd"])["sgd"]
    assert {found[arm].colour for uses, arm in arms if uses == "adam"} == {LIGHT["adam"]}
    assert len(set(found.values())) == len(arms)


def picture(name: str) -> Figure:
    with style.drawing():
        fig = Figure(figsize=(4, 3))
        ax = fig.subplots()
        ax.plot([1, 2, 3], [3, 1, 2], color=style.LIGHT["adam"], marker="o", label=name)
        ax.set_title(name)
        ax.legend()
    return fig


@pytest.mark.parametrize("name", ['<b>&"]]>', "$x_1$", "$\\frac", "🙂 emoji", "-->"])
def test_names_in_pictures_are_text(name: str) -> None:
    text = svg.svg(picture(name), "fig", name, name)
    root = ElementTree.fromstring(text)
    shown = ["".join(e.itertext()) for e in root.iter("text")]
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
    assert "var(--adam)" in one
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


def test_intervals_mark_what_goes_on_and_survive_nan_and_inf() -> None:
    look = looks.plain(0)
    nan, inf = float("nan"), float("inf")
    lines = [
        intervals.Line("cut", 1.0, -inf, inf, look, "1 [−∞, ∞]", "adam"),
        intervals.Line("lost", nan, nan, nan, look, "not known"),
        intervals.Line("gone", inf, inf, inf, look, "infinite", "sgd"),
        intervals.Line("hollow", 2.0, 1.0, 3.0, look, "2 [1, 3]", "sgd", hollow=True),
    ]
    span = intervals.reach(lines, 10)
    assert np.isfinite(span)
    with style.drawing():
        panel = intervals.panel("all", "All", lines, intervals.Scale("label", -span, span, 2.0))
        text = svg.svg(panel.figure, "f", "t", "d")
    shown = {"".join(e.itertext()) for e in ElementTree.fromstring(text).iter("text")}
    assert {"cut", "lost", "gone", "hollow", "not known", "label"} <= shown
    marks = [line for line in panel.figure.axes[0].lines if len(line.get_xdata()) == 1]
    kinds = [line.get_marker() for line in marks]
    assert sorted(kinds) == sorted(["<", ">", "o", "x", "o"])
    faces = [line.get_markerfacecolor() for line in marks if line.get_marker() == "o"]
    assert faces == [look.colour, style.CARD]
    assert text.count("<title>") == 3  # of the two marks and the cross
    assert "<title>2 [1, 3]</title>" in text
    assert {*re.findall('data-optimizer="([^"]*)"', text)} == {"adam", "sgd"}


def walked(path: str) -> Doubles:
    """The points of a short path, one behind the other."""
    here, start, found = np.zeros(2), np.zeros(2), []
    for letter, text in re.findall("([A-Za-z])([^A-Za-z]*)", path):
        numbers = [float(n) for n in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", text)]
        if letter == "z":
            here = start
            continue
        width = {"h": 1, "v": 1}.get(letter, 2)
        for step in np.array(numbers).reshape(-1, width):
            move = (
                np.array([step[0], 0]) if letter == "h" else np.array([0, step[0]]) if letter == "v" else step
            )
            here = move if letter == "M" else here + move
            found.append(here)
            start = here if letter in "Mm" else start
    return np.array(found)


@pytest.mark.parametrize("seed", range(8))
def test_a_short_path_goes_the_same_way(seed: int) -> None:
    rng = np.random.default_rng(seed)
    line = np.cumsum(rng.normal(0, 3, (200, 2)), axis=0) + np.array([150, 80])
    line[50:90, 1] = line[50, 1]
    written = "M " + " L ".join(f"{x:.6f} {y:.6f}" for x, y in line)
    short = svg._short(svg._segments(written))
    assert len(short) < 0.45 * len(written)
    found = walked(short)
    ends, starts = found[1:], found[:-1]
    for point in line:  # it lies near to some piece of what is drawn
        ways = ends - starts
        along = ((point - starts) * ways).sum(axis=1) / np.maximum((ways**2).sum(axis=1), 1e-12)
        nearest = starts + along.clip(0, 1)[:, None] * ways
        assert np.hypot(*(point - nearest).T).min() < svg.NEAR + 0.1


def test_a_series_says_whose_it_is_and_its_marks_what_they_show() -> None:
    name, told = '"<&>', ["a < b", "2 & 3"]
    with style.drawing():
        fig, ax = style.panel(150)
        look = looks.plain(0)
        ax.plot([1, 2], [1, 2], color=look.colour, gid=style.tag(name))
        style.marks(ax, [1, 2], [1, 2], look, style.tag(name, told))
        ax.plot([1, 2], [2, 1], "s", gid=style.tag(name))
    root = ElementTree.fromstring(svg.svg(fig, "f", "t", "d"))
    groups = [g for g in root.iter("g") if g.get("data-optimizer") == name]
    assert len(groups) == 2  # under the panel's edges and above
    assert [e.text for group in groups for e in group.iter("title")] == told
    assert sum(len(g.attrib) == 0 for g in root.iter("g")) == 0
    assert not list(root.iter("use"))


def test_lines_are_cut_at_a_panel_only_where_they_leave_it() -> None:
    for top, cut in ((2.0, False), (20.0, True)):
        with style.drawing():
            fig, ax = style.panel(150)
            ax.plot([1, 2], [1, top])
            ax.set(xlim=(0, 3), ylim=(0, 3))
        assert ("clip-path" in svg.svg(fig, "f", "t", "d")) == cut


def test_nothing_of_a_panel_is_cut_and_its_png_says_what_it_shows() -> None:
    with style.drawing():
        fig, ax = style.panel(150)
        style.rows(ax, ["a longer name", "b"])
        style.log_axis(ax, "x", 1e-6, 1e6)
        ax.set(xlabel="a label that is longer than its axis", ylabel="two\nlines")
        text = svg.svg(fig, "f", "t", "d")
        renderer = FigureCanvasAgg(fig).get_renderer()
        inner, outer = ax.get_tightbbox(renderer), fig.bbox
        assert inner is not None
        assert outer.x0 <= inner.x0 <= inner.x1 <= outer.x1
        assert outer.y0 <= inner.y0 <= inner.y1 <= outer.y1
        keys = [Key(f"series {i}", looks.plain(i)) for i in range(7)]
        alone = svg.png(fig, "What is shown? A name", keys)
    assert f'width="{style.WIDTH * 72:g}"' in text
    turned = [e for e in ElementTree.fromstring(text).iter("text") if "rotate(-90)" in e.get("transform", "")]
    assert [e.text for e in turned] == ["two", "lines"]
    assert alone.startswith(b"\x89PNG")
    shown = {t.get_text() for t in fig.findobj(Text)}
    assert {"What is shown? A name", *(key.title for key in keys)} <= shown


def test_each_style_is_written_once_for_a_page() -> None:
    pictures = [svg.svg(picture(name), name, "t", "d") for name in ("a", "b")]
    rules, named = svg.classes(pictures)
    styles = {style for one in pictures for style in re.findall('style="([^"]*)"', one)}
    assert sorted(re.findall(r"\{(.*)\}", rules)) == sorted(styles)
    assert "style=" not in "".join(named)
    known = dict(re.findall(r"\.(s\d+)\{(.*)\}", rules))
    back = [re.sub('class="(s[0-9]+)"', lambda m: f'style="{known[m[1]]}"', one) for one in named]
    assert back == pictures


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
