"""Does the suite call equal things different, and does it find what was planted?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reports.data import words
from reports.data.run import Run
from reports.draw import intervals, looks
from reports.parts import Cell, Key, Panel, Part, Table, part, verdict
from studies.analysis.verdicts import LEVEL
from studies.folder.schema.notes import NETWORK

READINGS = {"error": "who ends best", "ratio": "who gets there first", "usual": "the usual design"}
LOOKS = {"error": looks.plain(0), "ratio": looks.plain(1), "usual": looks.plain(2)}
KINDS = {
    "equal": f"Copies: called different, line at {100 * LEVEL:g} %",
    "planted": f"Handicaps: found, line at {100 * LEVEL:g} %",
}
QUESTION = "Does this suite call equal things different, and does it find what is there?"
HOW = (
    "A copy is the same optimizer under another name, with draws of its own: whatever is called different "
    "between copies is a false alarm, and at a level of 5 % one study in twenty may raise one. A handicap is "
    "planted, so it is there to be found. Lines are 95 % Clopper-Pearson intervals of shares of studies. "
    "The usual design searches once (32 settings, 3 seeds), scores the best 5 again on 10 seeds and compares "
    "the winners on 20 fresh seeds by a paired t-test. Whole studies ran from end to end; all others were "
    "resampled from a pool of trainings, then read and tested by the same functions: intervals hold given "
    "its 36 blocks of each dataset, and 60 blocks are these, some of them twice with other draws."
)


def outside(run: Run) -> list[str]:
    """In which ways the run differs from what was calibrated; empty if in none."""
    like, question = _equal(run), run.manifest["question"]
    if like.empty:
        return ["no calibration of such studies is published"]
    draws, blocks, version = (int(like[name].iloc[0]) for name in ("draws", "blocks", "results_version"))
    copies, found = int(max(like.question.map(_copies))), []
    if question["results_version"] != version:
        found.append(f"results version {question['results_version']}, calibrated was {version}")
    if run.draws != draws:
        found.append(f"{words.plural(run.draws, 'draw')} to a search, calibrated were {draws}")
    if run.blocks != blocks:
        found.append(f"{words.plural(run.blocks, 'block')}, calibrated were {blocks}")
    if len(run.optimizers) > copies:
        found.append(f"{len(run.optimizers)} optimizers, calibrated were up to {copies}")
    if question["metric"] != "error":
        found.append("another metric than the error")
    found += [f"other {what} than the rule's" for what in ("widths", "epochs") if question[what] != "rule"]
    found += [f"another {what.replace('_', ' ')} of the network" for what in NETWORK if what in question]
    samplers = set(run["optimizers"].get("sampler", pd.Series(dtype=str))) - {"random"}
    if samplers:
        found.append(
            f"draws by {words.join(map(words.clean, sorted(samplers)))}, calibrated were random ones"
        )
    arms = run.manifest["asked"]["optimizers"].values()
    if any(s["fixed"] or s["search"] or s["batch_sizes"] or s["decay"] != "mixed" for s in arms):
        found.append("searches of other spaces than the declared ones")
    return found


def _copies(question: str) -> int:
    return int(question.split()[0])


def _several(table: pd.DataFrame) -> pd.Series:
    return table.datasets.str.contains(",")


def _equal(run: Run) -> pd.DataFrame:
    """Lines about copies in studies like this one: of several datasets, or of one."""
    table = run["calibration"]
    here = table[(table.level == LEVEL) & (table.kind == "equal") & (table.reading != "usual")]
    return here[(_several(here) == (len(run.datasets) > 1)) & here.network.eq("rule")]


def standing(run: Run) -> str:
    """A sentence: the false alarms of these conditions, or what they lie outside of."""
    reasons = outside(run)
    if reasons:
        return f"Not calibrated: {'; '.join(reasons)}."
    return f"Calibrated: {_alarms(_equal(run))}."


def _main(run: Run) -> pd.DataFrame:
    """The lines about several datasets together, and the usual design's, at the level of 5 %."""
    table = run["calibration"]
    usual = table.reading == "usual"
    return table[(table.level == LEVEL) & (_several(table) | usual)].reset_index(drop=True)


def _worst(lines: pd.DataFrame) -> str:
    """How often two copies are called different at most, in either reading."""
    text = _alarms(lines).split(", by the usual")[0]
    return f"{text[:1].upper()}{text[1:]}"


def _of_version(run: Run, lines: pd.DataFrame) -> str:
    """That another results version than the run's was counted."""
    same = run.manifest["question"]["results_version"] == int(lines.results_version.iloc[0])
    return "" if same else ", counted with another results version"


def _alarms(lines: pd.DataFrame) -> str:
    """How often two copies are called different at most, in either reading, and by the usual design."""
    two = lines[(lines.question == "2 copies") & lines.network.eq("rule") & (lines.reading != "usual")]
    if two.empty:
        return "no copies were counted"
    worst = two.sort_values(["rate", "studies"], kind="stable").iloc[-1]
    text = f"two copies of an optimizer are called different in at most {_rate(worst)} of studies"
    usual = lines[(lines.reading == "usual") & lines.question.str.startswith("2 ")].sort_values("rate")
    if len(usual):
        text += f", by the usual design in up to {words.fixed(100 * usual.rate.max(), 0)}{words.THIN}%"
    return text


def _rate(r: Any) -> str:
    return words.interval(r.rate, r.low, r.high, words.PERCENT)


def _label(r: Any) -> str:
    names = str(r.datasets).split(",")
    where = words.clean(", ".join(names)) if len(names) < 3 else f"{len(names)} datasets"
    deep = "" if r.network == "rule" else f", layers {words.clean(r.network)}"
    return (
        f"{words.clean(r.question).removesuffix(', usual design')} · {words.clean(r.subject)} · {where}{deep}"
    )


@part("trust", 2)
def alarms(run: Run) -> Part | None:
    """How often two copies of an optimizer are called different: the line that everybody should see."""
    frame = _main(run)
    if frame.empty:
        return None
    return Part(
        name="alarms",
        question="How often are equal things called different?",
        answer=f"{_worst(frame)}{_of_version(run, frame)}.",
        how=f"{HOW} {_answer(run, frame)}",
        basis=_basis(frame),
        csv=("calibration",),
    )


def _basis(frame: pd.DataFrame) -> str:
    least, most = (words.count(int(n)) for n in (frame.studies.min(), frame.studies.max()))
    first = frame.iloc[0]
    return (
        f"Made on {words.clean(first.date)} with results version {int(first.results_version)}, not by "
        f"this run. n: {most} resampled studies a line, {least} whole ones; resampled were blocks and, "
        "in each, draws. Intervals stand in the numbers."
    )


@part("trust", 4)
def calibration(run: Run) -> Part | None:
    """Rates of false alarms and of found handicaps, beside the usual design's."""
    frame = _main(run)
    if frame.empty:
        return Part(
            name="calibration",
            question=QUESTION,
            answer="No calibration of this version is published; “make calibrate” makes one in 90 minutes.",
        )
    frame["label"] = [_label(r) for r in frame.itertuples()]
    return Part(
        name="calibration",
        question=QUESTION,
        answer=_answer(run, frame),
        how=HOW + _found_least(frame) + _limits(frame),
        basis=_basis(frame),
        draw=lambda: _draw(frame),
        legend=[Key(READINGS[one], LOOKS[one]) for one in LOOKS if (frame.reading == one).any()],
        describe="Shares of studies with intervals: copies around 5 %, handicaps at the right.",
        data=frame.drop(columns=["machine", "date", "results_version"]),
        csv=("calibration",),
        tables=[_table(run, frame)],
        folded=True,
    )


def _answer(run: Run, frame: pd.DataFrame) -> str:
    """False alarms, and whether this run lies inside of what was calibrated."""
    alarms, reasons = _alarms(frame), outside(run)
    answer = f"{alarms[:1].upper()}{alarms[1:]}."
    return answer + (f" This run lies outside of that: {'; '.join(reasons)}." if reasons else "")


def _found_least(frame: pd.DataFrame) -> str:
    """The planted handicap that is found least for its goal."""
    planted = frame[(frame.kind == "planted") & (frame.status != "")]
    if planted.empty:
        return ""
    least = planted.loc[(planted.rate - planted.goal).idxmin()]
    return (
        f" Of the handicaps that must be found, {_label(least)} stands worst against its goal of "
        f"{100 * least.goal:g}{words.THIN}%: found in {_rate(least)} (“{READINGS[least.reading]}”)."
    )


def _limits(frame: pd.DataFrame) -> str:
    """What is found less often than was asked for."""
    missed = frame[(frame.kind == "planted") & (frame.status == "missed")]
    if missed.empty:
        return ""
    names = [f"{_label(r)} (“{READINGS[r.reading]}”, {_rate(r)}{_against(r)})" for r in missed.itertuples()]
    return f" Found less often than was asked for, which is a limit of so many blocks: {words.listed(names)}."


def _against(r: Any) -> str:
    """Where it was oftener called better than worse, it is no handicap to that reading."""
    if r.against <= r.found:
        return ""
    better = f"{words.fixed(100 * r.against / r.studies, 1)}{words.THIN}%"
    return f", and called better in {better}: no handicap there"


def _draw(frame: pd.DataFrame) -> list[Panel]:
    panels = []
    for kind, title in KINDS.items():
        here = frame[frame.kind == kind]
        if here.empty:
            continue
        lines = [
            intervals.Line(
                r.label,
                100 * r.rate,
                100 * r.low,
                100 * r.high,
                LOOKS[r.reading],
                f"{r.label}, {READINGS[r.reading]}: {_rate(r)} of {words.count(r.studies)} studies",
            )
            for r in here.itertuples()
        ]
        most = min(102.5, 1.08 * 100 * max(here.high.max(), here.rate.max(), 2 * LEVEL))
        scale = intervals.Scale("% of studies", 0.0, most, zero=100 * LEVEL)
        panels.append(intervals.panel(kind, title, lines, scale))
    return panels


def _table(run: Run, frame: pd.DataFrame) -> Table:
    table = run["calibration"]
    single = table[(table.level == LEVEL) & ~_several(table) & (table.reading != "usual")]
    rows = []
    for r in frame.itertuples():
        alone = single[
            (single.question == r.question)
            & (single.subject == r.subject)
            & (single.reading == r.reading)
            & single.datasets.isin(r.datasets.split(","))
        ]
        ends = ""
        if len(alone) and r.network == "rule":
            low, high = (words.fixed(100 * rate, 1) for rate in (alone.low.min(), alone.high.max()))
            ends = f"{low} to {high}{words.THIN}%"
        goal = (
            "" if np.isnan(r.goal) else f"{'≤' if r.kind == 'equal' else '≥'} {100 * r.goal:g}{words.THIN}%"
        )
        rows.append(
            [
                Cell(r.label),
                Cell(READINGS[r.reading]),
                Cell(_rate(r), float(r.rate)),
                Cell(f"{words.count(r.found)} of {words.count(r.studies)}", int(r.found)),
                Cell(goal, float(np.nan_to_num(r.goal))),
                verdict(r.status) if r.status else Cell(""),
                Cell(ends),
            ]
        )
    heads = [
        "Compared",
        "Question",
        "Called",
        "Studies",
        "Goal",
        "Verdict",
        "On one dataset, least to most of the intervals",
    ]
    return Table(
        heads, rows, "At a level of 5 %; other levels are in the CSV", frozenset({2, 3, 4}), folded=True
    )
