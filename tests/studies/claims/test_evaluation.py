"""All claims asked: kept, resumed, read from other runs, and those about time last."""

from __future__ import annotations

import dataclasses
import inspect
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studies import Study, run
from studies.analysis.verdicts import FAILS, HOLDS, NOT_RUN
from studies.catalog import STUDIES
from studies.claims import evaluation
from studies.claims.chapter import GLOSSARY, LESSONS, lessons
from studies.claims.claim import ROOT, Claim, Judged, declared, evidence, place
from studies.errors import UsageError
from studies.folder.manifest import read_manifest
from studies.folder.read import Tables, read_table
from studies.folder.run_folder import RunFolder
from studies.folder.schema.claims import CLAIM_TABLES
from studies.folder.schema.tables import FORMAT
from studies.question.arm import Arm
from studies.question.identity import growing, question
from studies.system import machine


class Counted:
    """A measurement that remembers how often it ran."""

    def __init__(self, value: float = 1.0) -> None:
        self.value, self.calls = value, 0

    def __call__(self, *frames: pd.DataFrame) -> pd.DataFrame:
        self.calls += 1
        return evidence(
            *((f"table {i}", 0.0, float(len(f)), 1.0) for i, f in enumerate(frames)),
            ("one", 0, self.value, 1.0),
        )


def judge(seen: pd.DataFrame) -> Judged:
    return Judged(HOLDS if seen.value.iloc[-1] == 1 else FAILS, float(seen.value.iloc[0]), "of a test")


def made(number: int, measure: Any, **more: Any) -> Claim:
    return Claim(number, "Averages", "It is so.", "如此", "always", (evidence,), measure, judge, **more)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> dict[bool, dict[int, Claim]]:
    """Claims of a test in place of the chapter's."""
    claims: dict[bool, dict[int, Claim]] = {False: {}, True: {}}
    monkeypatch.setattr(evaluation, "declared", lambda clock=False: claims[clock])
    return claims


@pytest.fixture
def finished_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A small study, and the same after another optimizer joined."""
    study = Study(
        "small", ("sgd", "momentum", "adam"), ("wine", "moons"), blocks=8, draws=4, epochs=2, fresh=4
    )
    monkeypatch.setitem(STUDIES, "small", study)
    run(study, out=tmp_path / "alone", jobs=1)
    shutil.copytree(tmp_path / "alone", tmp_path / "grown")
    run(dataclasses.replace(study, optimizers=("heavyball",)), out=tmp_path / "grown", jobs=1)
    return tmp_path / "alone", tmp_path / "grown"


def finished(path: Path, study: Any, **tables: pd.DataFrame) -> None:
    """A run folder of a study with just these tables."""
    settled = study.settled()
    path.mkdir(parents=True)
    content = {"format": FORMAT, "asked": growing(settled), "question": question(settled), "changes": []}
    (path / "manifest.json").write_text(json.dumps(content))
    RunFolder(path, content).write_tables(tables, [], str, {})


@pytest.mark.slow
def test_what_was_measured_is_kept_for_the_same_code(
    world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = Counted(), Counted(2.0)
    world[False] |= {3: made(3, one), 5: made(5, two)}
    told: list[str] = []
    first = evaluation.asked(tmp_path, 1, told.append)
    assert first["claims"].verdict.tolist() == [HOLDS, FAILS]
    assert told == ["claim 3 · 1/2", "claim 5 · 2/2"]
    again = evaluation.asked(tmp_path, 1)
    assert (one.calls, two.calls) == (1, 1)
    for name, frame in first.items():
        pd.testing.assert_frame_equal(frame, again[name])
    proof = next((tmp_path / "claims").glob("03-*"))
    proof.write_bytes(b"no parquet")
    evaluation.asked(tmp_path, 1)
    assert (one.calls, two.calls) == (2, 1)  # what is damaged is measured again
    table = pq.read_table(proof)
    at = table.schema.get_field_index("value")
    pq.write_table(table.set_column(at, "value", pa.array([7.0] * len(table))), proof)
    third = evaluation.asked(tmp_path, 1)
    assert (one.calls, two.calls) == (3, 1)  # and what was altered
    pd.testing.assert_frame_equal(third["evidence"], first["evidence"])
    monkeypatch.setattr(evaluation, "sources", lambda clock=False: "another")
    evaluation.asked(tmp_path, 1)
    assert (one.calls, two.calls) == (4, 2)


@pytest.mark.slow
def test_an_interrupt_loses_the_claim_that_was_asked_and_no_other(world: Any, tmp_path: Path) -> None:
    one = Counted()

    def interrupted() -> pd.DataFrame:
        raise KeyboardInterrupt

    world[False] |= {3: made(3, one), 5: made(5, interrupted)}
    with pytest.raises(KeyboardInterrupt):
        evaluation.asked(tmp_path, 1)
    world[False][5] = made(5, Counted())
    assert len(evaluation.asked(tmp_path, 1)["claims"]) == 2
    assert one.calls == 1


def test_the_version_is_that_of_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = machine.sources.__wrapped__  # as another process finds it
    before = version()
    assert before == version() == machine.sources()
    for room in ("datasets", "dlopt", "studies/claims", "studies"):
        (tmp_path / room).mkdir(parents=True, exist_ok=True)
        (tmp_path / room / "a.py").write_text("x = 1")
    (tmp_path / "studies" / "a.csv").write_text("x")
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    found = [before, version()]
    for file in ("dlopt/a.py", "studies/a.py", "studies/a.csv", "studies/claims/a.py", "datasets/a.py"):
        (tmp_path / file).write_text("y")
        found.append(version())
    assert len({*found, version(clock=True)}) == 8
    assert machine.sources() == before  # what ran is what was imported


def test_claims_about_time_come_last_and_stand_apart(world: Any, tmp_path: Path) -> None:
    order: list[str] = []
    world[False] |= {9: made(9, lambda: order.append("plain") or evidence(("a", 0, 1, 1)))}
    world[True] |= {2: made(2, lambda: order.append("clock") or evidence(("a", 0, 1, 1)), clock=True)}
    found = evaluation.asked(tmp_path, 2)
    assert order == ["plain", "clock"]
    assert (found["claims"].number.tolist(), found["clocked_claims"].number.tolist()) == ([9], [2])
    assert found["clocked_evidence"].number.tolist() == [2]


@pytest.mark.slow
def test_a_claim_reads_finished_whole_runs_beside_its_own(world: Any, tmp_path: Path) -> None:
    measure = Counted()
    world[False] |= {13: made(13, measure, reads=("own/lessons", "quick/glossary"))}
    mine = lessons()["lessons"]
    finished(tmp_path / "claims", STUDIES["claims"], lessons=mine)

    def verdict() -> pd.Series:
        found: pd.Series = evaluation.asked(tmp_path / "claims", 1)["claims"].iloc[0]
        return found

    missing = verdict()
    assert (missing.verdict, missing.when, measure.calls) == (NOT_RUN, "make study NAME=quick", 0)
    part = dataclasses.replace(STUDIES["quick"], blocks=2)
    table = lessons()["glossary"]
    finished(tmp_path / "quick", part, glossary=table)
    assert verdict().verdict == NOT_RUN  # six blocks were never asked
    (tmp_path / "quick").rename(tmp_path / "part")
    held = (Arm("sgd", fixed=(("lr", 0.1),)), "momentum", "adam")
    finished(tmp_path / "quick", dataclasses.replace(STUDIES["quick"], optimizers=held), glossary=table)
    assert verdict().verdict == NOT_RUN  # SGD is another one
    (tmp_path / "quick").rename(tmp_path / "held")
    finished(tmp_path / "quick", STUDIES["quick"], glossary=table)
    there = verdict()
    assert there.verdict == HOLDS
    assert there.effect == len(mine)
    assert there.source.startswith("quick (")
    (tmp_path / "quick").rename(tmp_path / "old")
    finished(tmp_path / "quick", STUDIES["quick"], glossary=table.iloc[:-1])
    assert measure.calls == 1
    assert verdict().source != there.source
    assert (verdict().verdict, measure.calls) == (HOLDS, 2)  # kept for the same tables


@pytest.mark.slow
def test_an_optimizer_that_came_later_changes_no_evidence(world: Any, tmp_path: Path) -> None:
    measure = Counted()
    world[False] |= {13: made(13, measure, reads=("quick/best_rates",))}
    study = STUDIES["quick"].settled()
    columns = {"batch_size": 64, "lr": 0.1, "low": 0.1, "high": 0.1, "level": 0.95, "blocks": 6}
    lines = [{"dataset": "wine", "optimizer": arm.name, **columns} for arm in study.arms]
    finished(tmp_path / "quick", study, best_rates=pd.DataFrame(lines))
    before = evaluation.asked(tmp_path / "claims", 1)
    (tmp_path / "quick").rename(tmp_path / "before")
    more = dataclasses.replace(study, optimizers=(*study.optimizers, "adamw"))
    lines.insert(1, {"dataset": "wine", "optimizer": "adamw", **columns})
    finished(tmp_path / "quick", more, best_rates=pd.DataFrame(lines))
    after = evaluation.asked(tmp_path / "claims", 1)
    assert measure.calls == 1
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, after[name])
    changed = [{**one, "lr": 0.2} for one in lines]
    RunFolder(tmp_path / "quick", read_manifest(tmp_path / "quick")).add_tables(
        {"best_rates": pd.DataFrame(changed)}
    )
    assert evaluation.asked(tmp_path / "claims", 1)["claims"].source[0] != before["claims"].source[0]
    assert measure.calls == 2


@pytest.mark.slow
def test_calls_and_places_are_those_of_the_study_alone(finished_runs: tuple[Path, Path]) -> None:
    alone, grown = finished_runs
    for table in ("comparisons", "ranking", "decay", "importances", "rows", "readings", "ratios"):
        pd.testing.assert_frame_equal(
            evaluation._finished(Tables(grown), "small", table),
            evaluation._finished(Tables(alone), "small", table),
            obj=table,
        )
    more = read_table(grown, "comparisons")
    here = read_table(alone, "comparisons").merge(more, on=["reading", "scope", "a", "b"])
    assert len(here) < len(more)
    assert (here.p_holm_x != here.p_holm_y).any()  # who joins changes the family


def test_lines_of_code_are_found_where_python_finds_them() -> None:
    for clock in (False, True):
        for thing in {thing for one in declared(clock).values() for thing in one.code}:
            lines, first = inspect.getsourcelines(thing)
            file = Path(inspect.getsourcefile(thing) or "").relative_to(ROOT)
            assert place(thing) == f"{file}:{first}-{first + len(lines) - 1}"


def test_of_the_default_run_the_command_is_the_short_one(world: Any, tmp_path: Path) -> None:
    world[False] |= {13: made(13, Counted(), reads=("default/readings",))}
    assert evaluation.asked(tmp_path / "claims", 1)["claims"].when[0] == "make study"


def test_what_cannot_be_written_stops_the_run(world: Any, tmp_path: Path) -> None:
    world[False] |= {3: made(3, Counted())}
    (tmp_path / "claims").write_text("a file where the folder should be")
    with pytest.raises((OSError, UsageError)):
        evaluation.asked(tmp_path, 1)


def test_lessons_have_their_code_and_the_glossary_its_order() -> None:
    tables = lessons()
    for name, frame in tables.items():
        assert set(CLAIM_TABLES[name].columns) == set(frame.columns)
        assert (frame.map(lambda x: str(x).strip()) != "").all(axis=None)
    for one, text in zip(LESSONS.values(), tables["lessons"].code, strict=True):
        for thing in one.code:
            assert f"{'class' if isinstance(thing, type) else 'def'} {thing.__name__}" in text
    terms = [term.lower() for term, *_ in GLOSSARY]
    assert terms == sorted(terms)
