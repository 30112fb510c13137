"""The chapter, claim by claim: verdicts, and a card for each of its parts with formula, evidence and code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reports.chapters.claims import evidence
from reports.data import words
from reports.data.run import Run
from reports.parts import Cell, Part, Table, cell, part, verdict

EXACT = "Effects marked exact are computed, with nothing drawn; intervals are at 95 %."
QUOTES = "The chapter's sentences, the rules, and what ran"
LEFT_OPEN = "A picture leaves out what is not finite; a cross on its edge stands for it."


@part("claims", 1)
def start(run: Run) -> Part | None:
    """Where a student begins."""
    if run["claims"].empty:
        return None
    return Part(
        name="start",
        question="Start here",
        answer=(
            "Read the table below: what a course on optimization says, and whether it holds here. A number "
            "opens its part of the chapter."
        ),
        how_title="First commands.",
        how="Seconds each; all but the last change nothing that was run.",
        basis="No number is estimated here.",
        code=[
            ("Walk off a saddle", "python -m studies try saddle --optimizers sgd,momentum,rmsprop,adam"),
            ("Train once on a table", "python -m studies try breast_cancer"),
            ("Change one thing", 'make study ARGS="--set adam.beta2=0.99"'),
        ],
        code_title="Commands",
    )


@part("claims", 1)
def verdicts(run: Run) -> Part | None:
    """All claims that were asked, in the chapter's order."""
    frame = run["claims"].sort_values("number", ignore_index=True)
    if frame.empty:
        return None
    return Part(
        name="verdicts",
        question="Does what the chapter says hold?",
        answer=_answer(frame),
        how=(
            "A verdict follows from the numbers by a rule; nobody wrote it by hand. A number leads to its "
            "part of the chapter: rule, evidence, formula and code. ◷: it is about time, and stands under "
            "“On this machine”. In part: shown to hold somewhere, and shown not to elsewhere. "
            f"{_seen(frame)}"
        ),
        basis=EXACT,
        data=run["evidence"].sort_values(["number", "line"]),
        csv=("claims", "evidence"),
        tables=[table(frame, run["clocked_claims"])],
        tables_first=True,
    )


@part("claims", 1)
def lessons(run: Run) -> list[Part]:
    """A card for each part of the chapter."""
    made = []
    for one in run["lessons"].sort_values("position").itertuples():
        claims = run["claims"].query("part == @one.part").sort_values("number")
        if claims.empty:
            continue
        proof = run["evidence"][run["evidence"].number.isin(claims.number)]
        made.append(_lesson(one, claims, proof))
    return made


def _lesson(one: Any, claims: pd.DataFrame, proof: pd.DataFrame) -> Part:
    shown = claims[claims.number.isin(proof.number)]
    sources = [text.partition("\n") for text in f"\n{words.lines(one.code)}".split("\n# ")[1:]]
    return Part(
        name=anchor(one.part),
        question=f"{words.clean(one.part)}: {words.clean(one.title)}",
        answer=_answer(claims),
        formula=words.lines(one.formula),
        folded=True,
        how_title="What it says, and what was done.",
        how=(
            f"{words.clean(one.says)} {words.clean(one.done)} Dotted grey: what theory or the claim expects. "
            f"{LEFT_OPEN}"
        ),
        basis=f"In the chapter: {words.clean(one.chinese)}. {EXACT}",
        draw=(lambda: evidence.panels(shown, proof)) if len(shown) else None,
        describe=f"Evidence for claims {words.join(map(str, shown.number))}, a panel each.",
        data=proof.sort_values(["number", "line"]),
        csv=("claims", "evidence", "lessons"),
        tables=[_quotes(claims)],
        code=[(head, body.strip("\n")) for head, _, body in sources],
        code_title="The lines that implement it",
    )


def anchor(name: object) -> str:
    """The anchor of a part of the chapter."""
    return f"chapter-{words.clean(name).lower().replace(' ', '-')}"


@part("claims", 1)
def untested(run: Run) -> Part | None:
    """What the chapter says and nothing here tests."""
    frame = run["untested"].sort_values("position")
    if frame.empty:
        return None
    rows = [
        [Cell(words.clean(r.says), "", words.clean(r.chapter), lang="zh"), Cell(words.clean(r.reason))]
        for r in frame.itertuples()
    ]
    return Part(
        name="untested",
        question="What does the chapter say that is not tested?",
        answer=f"{words.plural(len(frame), 'sentence')} of it: the box says why.",
        basis="No number is estimated here.",
        tables=[
            Table(["The chapter says", "Why it is not tested"], rows, "Said, not tested", sortable=False)
        ],
        tables_first=True,
        csv=("untested",),
        folded=True,
    )


@part("claims", 1)
def glossary(run: Run) -> Part | None:
    """The chapter's words in two languages."""
    frame = run["glossary"].sort_values("position")
    if frame.empty:
        return None
    rows = [
        [Cell(words.clean(r.term), "", words.clean(r.chinese), lang="zh"), Cell(words.clean(r.meaning))]
        for r in frame.itertuples()
    ]
    return Part(
        name="glossary",
        question="What do the words mean?",
        answer=f"{words.plural(len(frame), 'word')} of the field, in English and 中文.",
        basis="No number is estimated here.",
        tables=[Table(["Word, 中文", "Meaning"], rows, "Glossary", sortable=False)],
        csv=("glossary",),
        folded=True,
    )


def _answer(frame: pd.DataFrame) -> str:
    """How many hold, and how many do not; the rest holds in part or is open."""
    holds, fails = (int((frame.verdict == kind).sum()) for kind in ("holds", "does not hold here"))
    rest = len(frame) - holds - fails
    text = f"{holds} of {words.plural(len(frame), 'claim')} {'holds' if holds == 1 else 'hold'}"
    text += f", {fails} {'does' if fails == 1 else 'do'} not" if fails else ""
    return f"{text}; the rest holds in part or is open." if rest else f"{text}."


def counted(run: Run) -> str:
    """How many of the chapter's claims hold, in a sentence."""
    return _answer(run["claims"])


def answer(run: Run) -> list[str]:
    """The paragraphs that a page of claims begins with."""
    timed = len(run["clocked_claims"])
    more = f"{words.count(timed)} more are about time and stand under “On this machine”. " if timed else ""
    return [
        counted(run),
        f"{more}A verdict follows from numbers by a rule. {_seen(run['claims'])} A claim that fails here "
        "says "
        "something about these experiments, not about all of deep learning.",
    ]


def _seen(frame: pd.DataFrame) -> str:
    """How many rules were settled before any number was seen, and how many with an eye on some."""
    before = int(frame.blind.astype(bool).sum())
    after = len(frame) - before
    if not after:
        return "All rules and settings were fixed before any number was seen."
    return (
        f"Rules and settings of {before} were fixed before any number was seen, those of {after} settled "
        "after a first look."
    )


def _effect(r: Any) -> str:
    if np.isnan(r.effect):
        return "–"
    value = words.number(r.effect, 3) if np.isfinite(r.effect) else words.INFINITY
    if np.isnan(r.low):  # of what is drawn, the worst of many, which has no interval of its own
        return f"{value} (exact)" if str(r.resampled).startswith("exact") else value
    return f"{value} [{words.number(r.low, 3)}, {words.number(r.high, 3)}]"


CHINESE = {
    "holds": "成立",
    "holds in part": "部分成立",
    "does not hold here": "在此不成立",
    "undecided": "未定",
    "not run": "未运行",
}


def table(frame: pd.DataFrame, timed: pd.DataFrame | None = None) -> Table:
    """Claims by number, a line each. timed: those whose verdicts stand in the section about the machine."""
    rows = [
        [
            cell(int(r.number))._replace(link=anchor(r.part) if timed is not None else ""),
            Cell(words.clean(r.says), "", words.clean(r.chapter), lang="zh"),
            verdict(words.clean(r.verdict), CHINESE.get(str(r.verdict), ""))._replace(lang="zh"),
            Cell(_effect(r), float(r.effect), "; ".join(filter(None, map(words.clean, (r.unit, r.when))))),
            *([] if timed is not None else [_rule(r)]),
            Cell("before" if r.blind else "after"),
        ]
        for r in frame.itertuples()
    ]
    for r in () if timed is None else timed.itertuples():
        here = Cell("◷ on this machine", "~", link="this-machine")
        said = Cell(words.clean(r.says), "", words.clean(r.chapter), lang="zh")
        rows.append([cell(int(r.number)), said, here, Cell(""), Cell("before" if r.blind else "after")])
    rows.sort(key=lambda row: int(row[0].sort))
    heads = ["№", "The chapter says", "Verdict", "Effect", *([] if timed is not None else ["It holds when"])]
    heads += ["Rule fixed before or after a first look"]
    return Table(heads, rows, "Claims and verdicts", frozenset({0}))


def _rule(r: Any) -> Cell:
    return Cell(words.clean(r.rule), "", words.clean(r.resampled))


def _quotes(claims: pd.DataFrame) -> Table:
    """The chapter's sentences, what was found, and what ran."""
    rows = [
        [
            cell(int(r.number))._replace(link="verdicts"),
            Cell(words.clean(r.says), "", words.clean(r.chapter), lang="zh"),
            verdict(words.clean(r.verdict)),
            _rule(r),
            Cell(words.clean(r.code), "", f"reads {words.clean(r.source)}" if r.source else ""),
        ]
        for r in claims.itertuples()
    ]
    heads = ["№", "The chapter's sentence", "Verdict", "It holds when", "What ran"]
    return Table(heads, rows, QUOTES, frozenset({0}), sortable=False, folded=True)
