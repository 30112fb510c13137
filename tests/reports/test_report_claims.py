"""The chapter's claims on the page: verdicts, cards with formula and evidence, links, times apart."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import reports
from reports import page
from reports.chapters.claims import claims, evidence
from reports.draw import style
from reports.parts import Part
from studies.claims.chapter import GLOSSARY, lessons
from tests.support.bending import HOSTILE, Bend, Frames, Manifest, unchanged

NAN = np.nan
LINE = {
    "blind": True,
    "rule": "always, since it is so",
    "resampled": "40 seeds",
    "code": "dlopt/adam.py:1-2",
    "source": "",
}
PROOF = ["number", "line", "what", "x", "value", "low", "high", "expected"]


def claim(number: int, part: str, verdict: str, effect: float = 1.0, **more: object) -> dict[str, object]:
    words = {
        "says": f"Claim {number} is so.",
        "chapter": "如此",
        "when": "",
        "unit": "steps",
        "x": "steps",
        "y": "height",
        "log": "",
    }
    return (
        {"number": number, "part": part, "verdict": verdict, "effect": effect, "low": NAN, "high": NAN}
        | words
        | LINE
        | more
    )


def planted(frames: Frames, manifest: Manifest) -> None:
    """A run with claims: of every verdict, curves and dots, times, and a name that is hostile."""
    frames.update(lessons())
    frames["claims"] = pd.DataFrame(
        [
            claim(10, "Averages", "holds", 0.5, low=0.4, high=0.6),
            claim(11, "Averages", "does not hold here", np.inf, when="it rises by 3", resampled="exact"),
            claim(13, "Momentum", "not run", NAN, when="make study", says=HOSTILE[0]),
            claim(14, "Momentum", "undecided"),
            claim(17, "RMSprop", "holds in part", when="on bowls"),
            claim(27, "Decay", "not run", NAN, when="make study NAME=decay"),
        ]
    )
    frames["evidence"] = pd.DataFrame(
        [
            (10, 0, "β = 0.9", 1.0, 0.1, 0.05, 0.2, 0.1),
            (10, 1, "β = 0.9", 2.0, 0.19, NAN, NAN, 0.19),
            (10, 2, "β = 0.5", 1.0, 0.5, NAN, NAN, NAN),
            (10, 3, "β = 0.5", 2.0, np.inf, NAN, NAN, NAN),
            (11, 0, HOSTILE[0], 0.0, 3.0, 2.0, 4.0, 1.0),
            (11, 1, "never", 0.0, np.inf, NAN, NAN, NAN),
            (14, 0, "one", 0.0, 1.0, NAN, NAN, NAN),
            (17, 0, "one", 1.0, 1.0, 0.5, np.inf, NAN),
            (17, 1, "one", 10.0, 10.0, 5, 20, NAN),
        ],
        columns=PROOF,
    )
    frames["clocked_claims"] = pd.DataFrame([claim(2, "Mini-batches", "holds", 7.5, low=7.0, high=8.0)])
    frames["clocked_evidence"] = pd.DataFrame(
        [(2, 0, "speed", 1.0, 7.5, 7, 8, NAN), (2, 1, "speed", 2.0, 9, 8, 10, NAN)], columns=PROOF
    )


@pytest.fixture
def asked(bend: Bend) -> Path:
    """A run folder with planted claims."""
    return bend(planted)


def parts(folder: Path) -> dict[str, Part]:
    return {one.name: one for one in page._parts(reports.read(folder), "claims")}


def test_every_verdict_is_counted_in_words(asked: Path) -> None:
    found = parts(asked)
    assert found["verdicts"].answer == ("1 of 6 claims holds, 1 does not; the rest holds in part or is open.")
    assert found["chapter-averages"].answer.endswith("1 of 2 claims holds, 1 does not.")
    rows = found["verdicts"].tables[0].rows
    assert [int(row[0].sort) for row in rows] == sorted(int(row[0].sort) for row in rows)
    timed = {int(n) for n in reports.read(asked)["clocked_claims"].number}
    assert {int(row[0].sort) for row in rows if "◷" in row[2].text} == timed
    effects = [row[3].text for row in rows if "◷" not in row[2].text]
    assert effects == ["0.500 [0.400, 0.600]", "∞ (exact)", "–", "1.00", "1.00", "–"]


def test_a_claim_leads_to_its_part_and_back(asked: Path) -> None:
    text = reports.write([asked]).read_text()
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    links = set(re.findall(r'href="#([^"]+)"', text))
    assert links <= ids
    assert {"chapter-averages", "chapter-momentum", "verdicts"} <= links
    assert "make study NAME=decay" in text
    assert 'lang="zh">如此' in text
    assert HOSTILE[0] not in text


def test_a_card_shows_formula_code_and_picture_where_something_ran(asked: Path) -> None:
    found = parts(asked)
    averages = found["chapter-averages"]
    assert "v ← β·v + (1-β)·θ" in averages.formula
    assert any("def ewa" in code for _, code in averages.code)
    assert [head.partition(":")[0] for head, _ in averages.code] == ["dlopt/average.py"] * 2
    assert averages.draw is not None
    assert found["chapter-decay"].draw is None  # nothing of it ran
    assert "chapter-adam" not in found  # nothing of it was asked


def test_pictures_show_the_evidence(asked: Path) -> None:
    run = reports.read(asked)
    with style.drawing():
        two = run["claims"][run["claims"].part == "Averages"]
        curves, dots = (panel.figure.axes[0] for panel in evidence.panels(two, run["evidence"]))
    drawn = [tuple(map(tuple, (line.get_xdata(), line.get_ydata()))) for line in curves.lines]
    assert ((1.0, 2.0), (0.1, 0.19)) in drawn
    assert any(
        line.get_marker() == "x" and list(line.get_xdata()) == [2.0] for line in curves.lines
    )  # infinite
    assert any(line.get_marker() == "o" and list(line.get_xdata()) == [3.0] for line in dots.lines)
    assert [label.get_text() for label in dots.texts][1] == "never"


@pytest.mark.slow
def test_times_stand_in_the_section_about_the_machine_alone(asked: Path) -> None:
    text = reports.write([asked]).read_text()
    machine = re.search(r'<section id="this-machine".*?</section>', text, re.S)
    assert machine
    assert "7.50 [7.00, 8.00]" in machine[0]
    assert "7.50 [7.00, 8.00]" not in text.replace(machine[0], "")


def test_glossary_and_what_is_not_tested(asked: Path) -> None:
    found = parts(asked)
    assert len(found["glossary"].tables[0].rows) == len(GLOSSARY)
    assert "GPU" in found["untested"].tables[0].rows[0][0].text
    assert any("try saddle" in code for _, code in found["start"].code)


def test_a_run_without_claims_says_what_asks_them(bend: Bend) -> None:
    folder = bend(unchanged)
    assert parts(folder) == {}
    (chapter,) = [one for one in page._chapters(reports.read(folder), []) if one.id == "claims"]
    assert chapter.links == [("", "Not in this run: make study NAME=claims asks what the chapter says.")]


@pytest.mark.slow
def test_claims_have_a_page_of_their_own_to_which_the_first_leads(bend: Bend, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(bend(unchanged), runs / "first")
    shutil.copytree(bend(planted), runs / "claims")
    page = reports.write([runs / "first", runs / "claims"], runs / "report.html")
    text, own = page.read_text(), (runs / "claims" / "report.html").read_text()
    chapter = re.search(r'<section id="claims".*?</section>', text, re.S)
    assert chapter
    assert 'href="claims/report.html"' in chapter[0]
    assert "1 of 6 claims holds" in chapter[0]
    assert 'id="verdicts"' not in text
    assert own == reports.write([runs / "claims"]).read_text()
    for one in (text, own):
        ids = re.findall(r'\bid="([^"]+)"', one)
        assert len(ids) == len(set(ids))
        assert set(re.findall(r'href="#([^"]+)"', one)) <= set(ids)
    cut = re.compile(r'<section id="this-machine".*?</section>', re.S)
    assert len(cut.findall(own)) == 1
    assert 'id="clocked"' not in cut.sub("", own)
    assert list((runs / "claims" / "figures").glob("chapter-averages-claim-*.png"))


def test_anchors_are_plain() -> None:
    assert claims.anchor("Local optima") == "chapter-local-optima"
