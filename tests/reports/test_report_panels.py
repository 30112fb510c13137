"""Panels: one axis each, no wider than a phone, marks that say what was called and what is infinite."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import reports
from reports import page
from reports.chapters.decay import decay
from reports.chapters.speed.speedups import curves, ratios
from reports.chapters.tuning.gains import worth
from reports.data.run import Run
from reports.draw import looks, style, svg
from reports.parts import Panel, Part, makers
from tests.support.bending import Bend, Frames, Manifest


def panels(part: Part | None) -> list[Panel]:
    assert part is not None
    assert part.draw is not None
    with style.drawing():
        made = part.draw()
    return list(made)


def marks(panel: Panel) -> list[tuple[float, bool, str]]:
    """Where each mark stands, whether it is filled, and its sign, from top to bottom."""
    lines = [line for line in panel.figure.axes[0].lines if len(line.get_xdata()) == 1]
    lines = [line for line in lines if line.get_marker() not in ("<", ">") or line.get_clip_on()]
    lines.sort(key=lambda line: float(line.get_ydata()[0]))
    return [
        (float(line.get_xdata()[0]), line.get_markerfacecolor() != style.CARD, str(line.get_marker()))
        for line in lines
    ]


@pytest.fixture(scope="module")
def run(real: Path) -> Run:
    return reports.read(real)


def test_every_panel_has_axes_of_its_own_and_fits_a_phone(run: Run) -> None:
    seen = 0
    for chapter, *_ in page.CHAPTERS:
        for make in makers(chapter):
            made = make(run)
            for part in made if isinstance(made, list) else [made]:
                if part is None or part.draw is None:
                    continue
                for panel in panels(part):
                    seen += 1
                    assert len(panel.figure.axes) == 1
                    assert 72 * panel.figure.get_figwidth() <= 330
                    assert panel.dataset in ("", *run.datasets)
                    assert panel.title
                    with style.drawing():
                        text = svg.svg(panel.figure, "f", "t", "d")
                    assert {*re.findall('data-optimizer="([^"]*)"', text)} <= {*run.optimizers, "heavyball"}
                    assert text.count("<title>") <= svg.TITLED
    assert seen > 20


def test_a_mark_is_filled_where_its_pair_is_called(run: Run) -> None:
    found = ratios(run)[1]
    assert found is not None
    reference, *others = run.order("ratio")
    for scope, panel in zip(run.scopes, panels(found), strict=True):
        pairs = [run.against("ratio", scope, name, reference) or {} for name in others]
        known = [one for one in pairs if np.isfinite(one["estimate"])]
        assert [(x, filled) for x, filled, _ in marks(panel)] == [
            (pytest.approx(one["estimate"]), one["verdict"] in ("a", "b")) for one in known
        ]
    frame = run["decay"].set_index(["scope", "optimizer"])
    for dataset, panel in zip(run.datasets, panels(decay(run)[1]), strict=True):
        mine = [frame.loc[(dataset, name)] for name in run.optimizers]
        called = [one.verdict in ("decay", "none") for one in mine if np.isfinite(one.estimate)]
        assert [filled for _, filled, sign in marks(panel) if sign != "x"] == called


def test_what_is_drawn_of_tuning_is_the_paired_gain_and_infinite_ones_are_crosses(bend: Bend) -> None:
    def lost(frames: Frames, manifest: Manifest) -> None:
        frame = frames["tuning"]
        first = (frame.dataset == "wine") & (frame.optimizer == "sgd")
        frames["tuning"] = frame.assign(
            **{name: frame[name].where(~first, np.inf) for name in ("untuned", "estimate", "low", "high")}
        )

    run = reports.read(bend(lost))
    frame = run["tuning"].set_index(["dataset", "optimizer"])
    for dataset, panel in zip(run.datasets, panels(worth(run)), strict=True):
        gains = [frame.loc[(dataset, name)].estimate * run.unit(dataset).factor for name in run.optimizers]
        found = marks(panel)
        for gain, (x, _, sign) in zip(gains, found, strict=True):
            assert (sign == "x") == np.isinf(gain)
            assert np.isinf(gain) or x == pytest.approx(gain)


def test_an_infinite_median_is_a_cross_and_a_curve_has_its_optimizer_s_look(bend: Bend) -> None:
    def lost(frames: Frames, manifest: Manifest) -> None:
        frame = frames["envelopes"]
        gone = (frame.optimizer == "adam") & (frame.dataset == "wine")
        frames["envelopes"] = frame.assign(loss=frame.loss.where(~gone, np.inf))

    run = reports.read(bend(lost))
    wine = panels(curves(run))[run.datasets.index("wine")]
    known = looks.of_optimizers(run.optimizers)
    crosses = [line for line in wine.figure.axes[0].lines if line.get_marker() == "x"]
    assert {line.get_color() for line in crosses if len(line.get_xdata())} == {known["adam"].colour}
    ways = [line for line in wine.figure.axes[0].lines if line.get_linestyle() != "None"]
    assert {line.get_color() for line in ways} == {known["sgd"].colour, known["momentum"].colour}
