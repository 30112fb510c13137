"""Two runs on one page: what differs in their settings, and in what they end with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reports.page
from reports.chapters import comparison
from reports.data.run import Run
from reports.draw import processes
from reports.parts import Part
from tests.support.bending import (
    HOSTILE,
    Bend,
    Frames,
    Manifest,
    all_diverged,
    hostile_names,
    one_dataset,
    rename,
    unchanged,
)


def other_seed(frames: Frames, manifest: Manifest) -> None:
    manifest["question"]["seed"] = 7


def worse_adam(frames: Frames, manifest: Manifest) -> None:
    """Adam ends half an error higher in every block of diabetes, where nothing else is changed."""
    read = frames["readings"]
    read.loc[(read.dataset == "diabetes") & (read.optimizer == "adam"), "search_error"] += 0.5
    manifest["asked"]["optimizers"]["adam"]["fixed"] = {"beta2": 0.9}
    manifest["changes"] = ["adam.beta2 = 0.9"]


def part(first: Run, other: Run) -> Part:
    found = comparison.compared(first, other)
    assert isinstance(found, Part)
    return found


def settings(found: Part) -> dict[str, tuple[str, str]]:
    return {name.text: (a.text, b.text) for name, a, b in found.tables[0].rows}


@pytest.fixture
def first(bend: Bend) -> Run:
    return reports.read(bend(unchanged))


def test_a_run_beside_itself_differs_in_nothing(first: Run, bend: Bend) -> None:
    found = part(first, reports.read(bend(unchanged)))
    assert settings(found) == {"settings": ("the same", "the same")}
    assert found.answer == "B ends as good as A in all 6 comparisons, within the margin."
    assert all(cell.text.startswith("= 0.0") for row in found.tables[1].rows for cell in row[1:])
    assert "Paired: both runs have the same blocks" in found.how


def test_what_was_changed_is_said_and_found(first: Run, bend: Bend) -> None:
    found = part(first, reports.read(bend(worse_adam)))
    said = settings(found)
    assert said["adam: fixed"] == ("as usual", "β₂ 0.9")
    assert said["changed from the named study"] == ("nothing", "adam.beta2 = 0.9")
    assert len(said) == 2
    assert found.data is not None
    line = found.data.set_index(["dataset", "optimizer"]).loc[("diabetes", "adam")]
    assert (line.estimate, line.low, line.high) == pytest.approx((0.5, 0.5, 0.5))
    assert line.p == pytest.approx(2 / 2**8)
    assert line.p_holm == pytest.approx(6 * 2 / 2**8)
    assert line.verdict == ("a" if line.p_holm <= 0.05 else "not decided")
    row = next(row for row in found.tables[1].rows if row[0].text == "Adam")
    assert row[1 + first.datasets.index("diabetes")].text == ("✗" if line.verdict == "a" else "?") + " +0.500"


def test_a_call_is_counted_on_the_side_that_it_favours(first: Run, bend: Bend) -> None:
    def worse(frames: Frames, manifest: Manifest) -> None:
        frames["readings"]["search_error"] += 0.2 * (frames["readings"].dataset == "wine")

    other, rest = reports.read(bend(worse)), "; the rest is as good or not decided."
    assert part(first, other).answer == f"Of 6 comparisons B ends better than A in 0 and worse in 3{rest}"
    assert part(other, first).answer == f"Of 6 comparisons B ends better than A in 3 and worse in 0{rest}"


def test_runs_of_different_seeds_are_not_paired(first: Run, bend: Bend) -> None:
    found = part(first, reports.read(bend(other_seed)))
    assert settings(found) == {"seed": ("0", "7")}
    assert found.data is not None
    assert not found.data.paired.any()
    assert "Not paired: the runs have other blocks" in found.how


def test_other_data_under_one_name_are_not_paired(first: Run, bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        data = frames["datasets"]
        data.loc[data.dataset == "wine", "sha256"] = "0" * 64

    found = part(first, reports.read(bend(edit)))
    assert found.data is not None
    assert set(found.data.dataset[found.data.paired]) == {"diabetes"}
    assert "but for wine: other data" in found.how
    assert settings(found)["wine: data"][1] == "sha256 0000000000000000"


def test_what_cannot_be_compared_is_not(first: Run, bend: Bend) -> None:
    def claims(frames: Frames, manifest: Manifest) -> None:
        manifest["question"]["claims"] = True

    def metric(frames: Frames, manifest: Manifest) -> None:
        manifest["question"]["metric"] = "loss"

    def names(frames: Frames, manifest: Manifest) -> None:
        rename(frames, manifest, {"wine": "other wine", "diabetes": "other diabetes"})

    for edit in (claims, metric, names):
        other = reports.read(bend(edit))
        assert comparison.compared(first, other) is None
        assert comparison.compared(other, first) is None


@pytest.mark.parametrize("edit", [all_diverged, hostile_names, worse_adam, other_seed])
def test_the_answer_is_short_and_whole(first: Run, bend: Bend, edit: Any) -> None:
    run = reports.read(bend(edit))
    for a, b in ((run, reports.read(bend(edit))), (first, run)):
        found = comparison.compared(a, b)
        if found is None:
            assert edit is hostile_names  # no name is shared
            continue
        assert len(found.answer.split()) <= 30
        assert len(re.findall(r"\d+", found.answer)) <= 3
        texts = [c.text + c.note for table in found.tables for row in table.rows for c in row]
        assert not any(re.search(r"\bnan\b|\binf\b|None\b", text) for text in [found.answer, *texts])
        assert not any("\x07" in text for text in [found.question, *texts])
    assert HOSTILE


def test_no_file_of_somebody_is_named(first: Run, bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        manifest["asked"]["optimizers"]["adam"] |= {"file": "/home/somebody/mine.py", "source": "ab12"}

    said = settings(part(first, reports.read(bend(edit))))
    assert said == {"adam: source": ("as usual", "ab12")}


def test_of_what_one_run_alone_has_nothing_but_its_name_is_said(first: Run, bend: Bend) -> None:
    found = part(first, reports.read(bend(one_dataset)))
    assert settings(found) == {"datasets": ("wine, diabetes", "wine")}
    assert "RMSE" not in found.how


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take seconds, and none is looked at."""
    monkeypatch.setattr(processes, "each", lambda orders: {name: [] for name in orders})


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_the_comparison_stands_after_the_answer_once_for_each_further_run(bend: Bend, tmp_path: Path) -> None:
    runs = [reports.read(bend(edit)) for edit in (unchanged, worse_adam, other_seed)]
    page = reports.page.make(runs, [run.path for run in runs], [""] * 3).page.decode()
    sections = re.findall(r'<section id="([^"]+)"', page)
    assert sections[:2] == ["answer", "compared"]
    compared = page[page.index('<section id="compared"') :].split("</section>")[0]
    assert re.findall(r'<article id="([^"]+)"', compared) == ["run2-compared", "run3-compared"]
    alone = reports.page.make(runs[:1], [runs[0].path], [""]).page.decode()
    assert 'id="compared"' not in alone


def test_the_blocks_behind_each_side_are_said(first: Run, bend: Bend) -> None:
    def fewer(frames: Frames, manifest: Manifest) -> None:
        manifest["asked"]["blocks"] = 6
        for name, frame in frames.items():
            if name == "readings":
                frames[name] = frame[frame.block < 6]

    run = reports.read(bend(unchanged))
    frames, manifest = dict(run.tables), {**run.manifest, "asked": dict(run.manifest["asked"])}
    fewer(frames, manifest)
    other = Run(run.path, manifest, run.machine, frames, run.hashes)  # type: ignore[arg-type]
    found = part(first, other)
    assert found.data is not None
    assert (found.data.a_blocks == 6).all()
    assert settings(found) == {"blocks": ("8", "6")}
    assert "Blocks: A 6, B 6." in found.basis
    assert np.isfinite(found.data.low).all()
