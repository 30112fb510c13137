"""The first screen: the answer in few words, and a matrix whose signs are its tables' verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reports
from reports.chapters import answer, matrix
from reports.chapters.batch import size_effects
from tests.support.bending import (
    Bend,
    Frames,
    Manifest,
    all_diverged,
    call,
    one_optimizer,
    too_few,
    unchanged,
)


def calls(planted: dict[tuple[str, str], str], reading: str = "error") -> Any:
    return lambda frames, manifest: call(frames, planted, reading)


@pytest.mark.parametrize(
    ("edit", "start"),
    [
        (calls({("adam", "sgd"): "beats", ("adam", "momentum"): "beats"}), "Use Adam: after "),
        (calls({("adam", "sgd"): "beats"}), "Use "),
        (calls({}), "Nobody is called better at the end, after "),
        (
            calls(dict.fromkeys([("adam", "sgd"), ("adam", "momentum"), ("sgd", "momentum")], "as good")),
            "Take",
        ),
        (
            calls({("adam", "sgd"): "beats", ("sgd", "momentum"): "beats", ("momentum", "adam"): "beats"}),
            "Nobody ends best: the calls run in a circle among ",
        ),
        (too_few, "Too few blocks to tell anything apart: run with --blocks "),
        (one_optimizer, "Only "),
    ],
)
def test_the_first_sentence_follows_from_the_calls_and_is_short(bend: Bend, edit: Any, start: str) -> None:
    run = reports.read(bend(edit))
    first = answer.headline(run)
    assert first.startswith(start)
    assert len(first.split()) <= 30
    assert len(" ".join(answer.answer(run)).split()) <= 75


def test_who_is_not_stable_is_not_recommended(bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        call(frames, {("adam", "sgd"): "beats"})
        ranking = frames["ranking"]
        mine = (ranking.reading == "error") & (ranking.scope == "pooled") & (ranking.optimizer == "momentum")
        ranking.loc[ranking.reading == "ratio", "unbeaten"] = True  # nobody is called quicker
        ranking.loc[ranking.reading == "ratio", "stable"] = 1.0
        call(frames, {}, "ratio")
        ranking.loc[mine, "stable"] = 0.5

    first = answer.headline(reports.read(bend(edit)))
    assert "Adam" in first
    assert "Momentum" not in first


@pytest.mark.parametrize("edit", [unchanged, too_few, all_diverged])
def test_a_cell_says_the_verdict_of_its_pair_and_is_hollow_where_its_interval_says_more(
    bend: Bend, edit: Any
) -> None:
    run = reports.read(bend(edit))
    found = matrix.frame(run).set_index(["optimizer", "dataset"])
    (table,) = matrix.matrix(run).tables
    for row, name in zip(table.rows, table.optimizers, strict=True):
        for cell, dataset in zip(row[1:-1], run.datasets, strict=True):
            one = found.loc[(name, dataset)]
            pair = run.against("error", dataset, name, one.reference)
            if pair is None:
                assert (cell.tone, name) == ("best", one.reference)
                continue
            known = {"b": "worse", "as good": "good", "not decided": "open", "too few blocks": "few"}
            known["a"] = "better"
            assert cell.tone == known[pair["verdict"]]
            without = bool(pair["low"] > 0 or pair["high"] < 0)
            called = cell.tone in ("worse", "better")
            apart = without if cell.tone == "open" else called and not without
            assert cell.hollow == (apart and np.isfinite(pair["estimate"]))
    for dataset in run.datasets:
        here = found.xs(dataset, level="dataset")
        unbeaten = here.loc[run.unbeaten("error", dataset)]
        assert here.error[here.sign == "best"].tolist() == [unbeaten.error.min()]


def test_where_all_is_decided_as_good_or_open_is_said_by_dataset(bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        table = frames["comparisons"]
        table["verdict"] = table.verdict.astype(object)
        error = table.reading == "error"
        table.loc[error & (table.scope == "wine"), "verdict"] = "as good"
        table.loc[error & (table.scope == "diabetes"), "verdict"] = "not decided"

    assert (
        answer.where(reports.read(bend(edit))) == "On wine all are as good; on diabetes not all is decided."
    )


def test_a_newcomer_stands_first_with_whom_it_beats(bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        call(frames, {("adam", "sgd"): "beats", ("adam", "momentum"): "as good"})
        frames["optimizers"].loc[frames["optimizers"].optimizer == "adam", "source"] = (
            "/somewhere/mine.py:Adam"
        )

    first = answer.answer(reports.read(bend(edit)))[0]
    assert first == "Adam, the new one, at the end beats SGD and is as good as Momentum."


def test_pairs_stand_in_both_readings_around_the_diagonal(bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        call(frames, {("adam", "sgd"): "beats"}, "error")
        call(frames, {("momentum", "adam"): "beats"}, "ratio")

    run = reports.read(bend(edit))
    part = matrix.pairs(run)
    assert part is not None
    assert part.answer == "Of 3 pairs 1 is called at the end, and 1 by the examples needed."
    order = list(part.tables[0].optimizers)
    cells = {
        (a, b): part.tables[0].rows[i][j + 1].text[:1]
        for i, a in enumerate(order)
        for j, b in enumerate(order)
    }
    above = order.index("adam") < order.index("sgd")
    assert cells["adam", "sgd"] == ("✓" if above else "?")
    up = order.index("momentum") < order.index("adam")
    assert cells["adam", "momentum"] == ("✗" if up else "?")


def test_batch_sizes_are_those_of_their_table(bend: Bend) -> None:
    run = reports.read(bend(unchanged))
    part = size_effects.size_effects(run)
    frame = run["size_effects"]
    assert part is not None
    called = int(frame.verdict.isin(["better", "worse"]).sum())
    assert part.answer.startswith(f"{called} of {len(frame)} larger size")
    shown = [cell for row in part.tables[0].rows for cell in row[2:] if cell.text != "–"]
    assert len(shown) == len(frame)
