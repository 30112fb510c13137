"""No number without its interval or the word that it is exact; what was repeated stands under it."""

from __future__ import annotations

from pathlib import Path

import pytest

import reports
from reports import page
from reports.parts import Part
from studies import run
from studies.catalog import batch_arms
from studies.question.arm import FULL, Arm
from studies.question.study import Study

CERTAIN = ("_low", "_high", "low", "high", "lower", "upper", "error")  # columns that say how certain
EXACT = ("exact", "no interval", "not a test", "Limits were fixed", "simulated")
SAYS_HOW = {
    "again": "hashes and versions, nothing estimated",
    "settings": "intervals stand under its numbers",
    "findings": "verdicts alone",
    "pairs": "p-values",
    "words": "meanings, nothing estimated",
}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Part]:
    """Every part that a small run with all kinds of arms can fill."""
    arms = (
        "sgd",
        "momentum",
        "adam",
        "adamw",
        *batch_arms(("sgd", "momentum"), (16, FULL)),
        *(Arm("momentum", name=f"m-{beta}", fixed=(("beta", beta),)) for beta in (0.5, 0.9)),
    )
    study = Study("small", arms, ("wine", "diabetes"), blocks=6, draws=4, epochs=2, fresh=4)
    folder: Path = run(study, out=tmp_path_factory.mktemp("runs") / "small", jobs=1).path
    found = reports.read(folder)
    return {part.name: part for anchor, *_ in page.CHAPTERS for part in page._parts(found, anchor)}


def test_every_part_says_how_certain_its_numbers_are(parts: dict[str, Part]) -> None:
    assert len(parts) > 20
    for name, part in parts.items():
        if name in SAYS_HOW or (part.data is None and not part.tables):
            continue
        columns = [] if part.data is None else [str(column) for column in part.data.columns]
        told = any(column.endswith(CERTAIN) for column in columns)
        words = f"{part.how} {part.basis}"
        assert told or any(word in words for word in EXACT), name


def test_what_was_repeated_stands_under_every_part(parts: dict[str, Part]) -> None:
    silent = [name for name, part in parts.items() if not part.basis and name not in SAYS_HOW]
    assert silent == []
