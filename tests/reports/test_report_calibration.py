"""What the page says about the suite's own false alarms."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import reports
from reports.chapters.trust import calibration
from tests.support.bending import Bend, Frames, unchanged


def lines(*told: dict[str, Any]) -> pd.DataFrame:
    """A calibration table of what is told; all else is as it usually is."""
    usual = {
        "results_version": 1,
        "question": "2 copies",
        "kind": "equal",
        "subject": "Adam",
        "datasets": "digits,wine,moons",
        "network": "rule",
        "blocks": 20,
        "draws": 16,
        "reading": "error",
        "level": 0.05,
        "studies": 2000,
        "found": 90,
        "against": 0,
        "rate": 0.045,
        "low": 0.036,
        "high": 0.055,
        "goal": 0.05,
        "status": "holds",
        "machine": "numpy 2",
        "date": "2026-11-26",
    }
    return pd.DataFrame([usual | one for one in told], columns=list(usual))


TABLE = lines(
    {},
    {"subject": "SGD", "rate": 0.051, "low": 0.042, "high": 0.062},
    {"reading": "ratio", "rate": 0.043},
    {"question": "8 copies", "rate": 0.04, "low": 0.032, "high": 0.05},
    {"level": 0.01, "rate": 0.9},
    {
        "reading": "usual",
        "question": "2 copies, usual design",
        "datasets": "wine",
        "rate": 0.31,
        "goal": np.nan,
    },
    {
        "reading": "usual",
        "question": "2 copies, usual design",
        "datasets": "moons",
        "rate": 0.17,
        "goal": np.nan,
    },
    {"question": "1.25 times slower", "kind": "planted", "reading": "ratio", "rate": 0.99, "goal": 0.95},
    {
        "question": "half of the steps",
        "kind": "planted",
        "rate": 0.4,
        "low": 0.37,
        "high": 0.43,
        "goal": 0.5,
        "status": "missed",
    },
)


def made(bend: Bend, table: pd.DataFrame, question: dict[str, Any] | None = None, **asked: Any) -> Any:
    """A run with that calibration, its manifest changed."""
    run = reports.read(bend(unchanged))
    manifest = dict(run.manifest)
    manifest["question"] = manifest["question"] | {"draws": 16, "epochs": "rule", "results_version": 1}
    manifest["question"] |= question or {}
    manifest["asked"] = manifest["asked"] | {"blocks": 20} | asked
    return dataclasses.replace(run, manifest=manifest, tables=run.tables | {"calibration": table})


def test_the_worst_rate_of_equal_things_is_told_beside_the_usual_designs(bend: Bend) -> None:
    part = calibration.calibration(made(bend, TABLE))
    assert part is not None
    assert (
        "two copies of an optimizer are called different in at most 5.1\u202f% [4.2, 6.2]"
        in part.answer.lower()
    )
    assert re.search("by the usual design in up to \\d+\u202f%", part.answer)
    assert (
        "half of the steps · Adam · 3 datasets stands worst against its goal of 50\u202f%: found in 40.0"
        in part.how
    )
    assert "lies outside" not in part.answer
    assert "limit of so many blocks: half of the steps" in part.how
    assert part.data is not None
    assert len(part.data) == 8  # not the line at another level
    rows = part.tables[0].rows
    assert [row[5].status for row in rows] == [*["ok"] * 7, "look"]


def test_the_figure_shows_the_rates_of_its_table(bend: Bend) -> None:
    part = calibration.calibration(made(bend, TABLE))
    assert part is not None
    assert part.draw is not None
    figures = [panel.figure for panel in part.draw()]
    drawn = sorted(
        float(line.get_xdata()[0])
        for figure in figures
        for ax in figure.axes
        for line in ax.lines
        if line.get_marker() not in ("None", None)
    )
    assert drawn == pytest.approx(sorted(100 * part.data.rate))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"question": {"results_version": 2}}, "results version 2, calibrated was 1"),
        ({"question": {"draws": 8}}, "8 draws to a search, calibrated were 16"),
        ({"question": {"metric": "loss"}}, "another metric than the error"),
        ({"blocks": 12}, "12 blocks, calibrated were 20"),
        ({"datasets": ["wine"]}, "no calibration of such studies is published"),
        ({"question": {"widths": [8, 8]}}, "other widths than the rule's"),
        ({"question": {"epochs": 7}}, "other epochs than the rule's"),
        ({"optimizers": {"sgd": {"fixed": {"lr": 1.0}}}}, "searches of other spaces than the declared ones"),
    ],
)
def test_a_run_outside_of_what_was_calibrated_says_in_what(bend: Bend, change: Any, said: str) -> None:
    def narrow(frames: Frames) -> None:
        if "datasets" in change:
            frames["datasets"] = frames["datasets"][frames["datasets"].dataset.isin(change["datasets"])]

    run = made(bend, TABLE, **change)
    narrow(run.tables)
    assert said in calibration.standing(run)
    assert calibration.standing(run).startswith("Not calibrated: ")


def test_more_optimizers_than_copies_were_calibrated_are_named(bend: Bend) -> None:
    pairs = TABLE[TABLE.question != "8 copies"]
    assert "3 optimizers, calibrated were up to 2" in calibration.standing(made(bend, pairs))


def test_what_is_called_better_with_a_handicap_is_told_to_be_none(bend: Bend) -> None:
    turned = TABLE.assign(
        against=np.where(TABLE.status == "missed", 1000, 0), found=np.minimum(TABLE.found, 90)
    )
    part = calibration.calibration(made(bend, turned))
    assert part is not None
    assert "and called better in 50.0\u202f%: no handicap there" in part.how


def test_other_samplers_are_named(bend: Bend) -> None:
    run = made(bend, TABLE)
    run["optimizers"]["sampler"] = ["random", "tpe", "random"]
    assert "draws by tpe" in calibration.standing(run)


def test_without_a_calibration_the_command_that_makes_one_is_told(bend: Bend) -> None:
    part = calibration.calibration(made(bend, TABLE.iloc[:0]))
    assert part is not None
    assert "make calibrate" in part.answer


@pytest.mark.slow
def test_the_box_of_limits_repeats_it(bend: Bend, tmp_path: Path) -> None:
    run = made(bend, TABLE)
    reports.write([run], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert text.count("Calibrated: two copies of an optimizer are called different in at most 5.1") == 1
    assert "lies outside" not in text
