"""The section on published findings says what its tables say."""

from __future__ import annotations

import re

import numpy as np
import pytest

import reports
from reports import page
from reports.chapters.literature import findings, quadratic_deep
from reports.data.run import Run
from studies import run
from studies.catalog import batch_arms
from studies.question.arm import FULL
from studies.question.study import Study
from tests.support.bending import Bend, Frames, Manifest, unchanged


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A small run that answers all four."""
    arms = ("sgd", "momentum", "adam", "adamw", *batch_arms(("sgd", "momentum"), (16, FULL)))
    study = Study("small", arms, ("wine",), blocks=4, draws=4, epochs=2, fresh=4)
    return reports.read(run(study, out=tmp_path_factory.mktemp("runs") / "small", jobs=1).path)


def test_each_finding_has_its_verdict_and_its_clearest_comparison(answered: Run) -> None:
    said, behind = findings.literature(answered)
    frame = answered["literature"]
    shown = {row[0].note: row[1].text for row in said.tables[0].rows}
    for r in frame[frame.decides].itertuples():
        assert r.source in said.answer
        assert shown[r.source].endswith(r.answer)
    assert len(said.tables[0].rows) == 4
    assert len(behind.tables[0].rows) == len(frame)


def test_a_run_that_answers_nothing_is_told_which_study_does(bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        frames["literature"] = frames["literature"].iloc[:0]

    run_ = reports.read(bend(edit))
    assert findings.literature(run_) == []
    assert quadratic_deep.quadratic_deep(run_) is None
    (chapter,) = [one for one in page._chapters(run_, []) if one.id == "literature"]
    assert "make study NAME=literature fills this section" in chapter.links[0][1]


def test_the_published_benchmark_tells_its_farthest_value(answered: Run) -> None:
    part = quadratic_deep.quadratic_deep(answered)
    assert part is not None
    frame = answered["quadratic_deep"].dropna(subset="published").query("order == 'reshuffled'")
    far = (frame.loss / frame.published - 1).abs()
    said = re.search(r"within ([0-9.]+).%\.$", part.answer)
    assert said is not None
    assert float(said[1]) == pytest.approx(100 * far.max(), rel=0.05)
    assert part.draw is not None
    crosses = [
        line
        for panel in part.draw()
        for ax in panel.figure.axes
        for line in ax.lines
        if line.get_marker() == "x"
    ]
    drawn = np.sort(np.concatenate([np.asarray(line.get_ydata()) for line in crosses]))
    assert drawn == pytest.approx(np.sort(frame.published))


def test_what_was_not_bent_has_no_more_than_its_arms_allow(bend: Bend) -> None:
    assert set(reports.read(bend(unchanged))["literature"].position) == {2, 3}
