"""The page: chapters of parts, rendered once, without a clock and without a path."""

from __future__ import annotations

import base64
import hashlib
import importlib
import os
import pkgutil
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from reports import chapters as all_chapters
from reports.chapters import answer
from reports.chapters.claims import claims
from reports.chapters.comparison import compared
from reports.chapters.trust import calibration
from reports.data import templates, words
from reports.data.arms import families, family
from reports.data.run import Run
from reports.draw import cache, looks, pictures, processes, style, svg
from reports.parts import ROWS, Key, Panel, Part, makers

COMMENT = re.compile(r"^ *//.*\n", re.MULTILINE)  # a line of the script that no page carries
for _file in pkgutil.walk_packages(all_chapters.__path__, f"{all_chapters.__name__}."):
    importlib.import_module(_file.name)  # which registers its parts

FILLED_BY = {  # the study behind a chapter that may be empty
    "batch": "batch-size",
    "betas": "betas",
    "literature": "literature",
}
CHAPTERS = (  # anchor, in the list of sections, title, what stands beside the title
    ("answer", "Answer", "What should I use?", ""),
    ("ends", "Who ends best", "Who ends best", ""),
    ("pick", "What to take", "What to take", "all on the same fresh blocks, which chose nothing"),
    ("table", "Your table", "Your table", "what each column was read as"),
    ("trust", "Trust", "Can I trust it?", ""),
    ("first", "How fast", "How fast", "training examples needed for the same losses"),
    ("tuning", "Tuning", "Tuning", "learning rates, defaults, and the number of draws"),
    ("batch", "Batch size", "Batch size", ""),
    ("betas", "β", "β", "each value held, the rest searched anew"),
    ("decay", "Decay", "Decay", "learning-rate schedules against none"),
    ("literature", "Others", "What others found", ""),
    ("claims", "The chapter", "The chapter, claim by claim", ""),
    ("this-machine", "This machine", "On this machine", "the one section that may differ between two runs"),
    ("provenance", "Make it again", "Make it again", ""),
)
OF_CLAIMS = ("claims", "this-machine", "provenance")  # the sections of a page of claims

# Of a further run a page shows what its study is made for, or else who ends best and gets there first.
SPECIFIC = ("steps", "best-size", "beta-map", "beta-dots", "schedules")
BESIDE = {"steps": ("rate-map",), "best-size": ("rate-map",)}  # shown with them
GENERAL = ("matrix", "ratios", "ratios-by-dataset")


@dataclass(frozen=True)
class Shown:
    """A part with its panels as SVG, its legend with a swatch for each entry, and its data as a table.

    file: of its pictures, before the panel's name. prefix: of the anchors of its run. link: from the page to
    the folder with its run's pictures and CSVs, None where it has none.
    """

    part: Part
    file: str
    prefix: str
    link: str | None
    panels: Sequence[pictures.Picture]
    legend: Sequence[tuple[Key, str]]
    data: str | None
    csv: Sequence[str]


class Placed(NamedTuple):
    """A part of one of the runs. number: of the run, from 0."""

    part: Part
    number: int

    @property
    def prefix(self) -> str:
        """Of the anchors of a further run."""
        return f"run{self.number + 1}-" if self.number else ""

    @property
    def name(self) -> str:
        """Its anchor on the page."""
        return f"{self.prefix}{self.part.name}"


class Chapter(NamedTuple):
    """Parts under one heading. id: its anchor. links: sentences, each with a way to another page."""

    id: str
    short: str
    title: str
    lead: str
    parts: list[Placed]
    links: Sequence[tuple[str, str]] = ()


class Made(NamedTuple):
    """What a report consists of: the page, and the pictures of each run."""

    page: bytes
    pictures: list[list[cache.Made]]


def make(
    runs: Sequence[Run],
    places: Sequence[Path],
    links: Sequence[str | None],
    claimed: Sequence[tuple[Run, str]] = (),
    beside: Sequence[str] = (),
) -> Made:
    """The page and its pictures: the first run in full, then what each further one is made for.

    places: the folder of each run's pictures and CSVs, links: the way to it from the page, or None. claimed:
    runs that asked the chapter's claims, each with the way to its own page. beside: files that are written
    next to the page.
    """
    run, *further = runs
    asked = not run["claims"].empty
    chapters = _of_claims(run) if asked else _chapters(run, claimed)
    two = []
    for number, other in enumerate(further, start=1):
        fills, more = _further(chapters, other, number)
        chapters += more
        if not fills and (part := compared(run, other)):
            two.append(Placed(part, number))
    if two:
        chapters.insert(1, Chapter("compared", "Two runs", "What differs between the runs?", "", two))
    parts = [one for chapter in chapters for one in chapter.parts]
    orders = {one.name: _order(one.part.draw, one.part) for one in parts if one.part.draw}
    made_of = {name: cache.made_of(name, order) for name, order in orders.items()}
    old = {of: made.pictures for one in places for of, made in cache.read(one / "figures").items()}
    drawn = {name: old[of] for name, of in made_of.items() if of in old}
    drawn |= processes.each({name: partial(orders[name].make, name) for name in orders if name not in drawn})
    saved: list[list[cache.Made]] = [[] for _ in runs]
    for one in parts:
        if one.name in drawn:
            saved[one.number].append(cache.Made(one.part.name, made_of[one.name], drawn[one.name]))
    rules, shown = _classes({name: drawn[name] for name in orders})  # whatever was there before
    script = COMMENT.sub("", (templates.TEMPLATES / "page.js").read_text("utf-8"))
    environment = templates.environment()
    behind = {arm: uses for one in runs for arm, uses in looks.behind(one).items()}
    environment.filters["clean"] = words.clean
    environment.filters["quoted"] = lambda name: quote(os.fsencode(name))
    environment.filters["behind"] = lambda arm: words.clean(behind.get(arm, arm))
    text = environment.get_template("page.html").render(
        run=run,
        study=run.name,
        size=words.plural(len(run["claims"]) + len(run["clocked_claims"]), "claim") if asked else _size(run),
        changes=[words.clean(change) for change in run.manifest["changes"]],
        title=chapters[0].title,
        beside=beside,
        chapters=[_shown(runs, chapter, shown, links) for chapter in chapters],
        bar=len(run.optimizers) > 1 and not asked,
        answer=claims.answer(run) if asked else answer.answer(run),
        limits="" if asked else _limits(run),
        optimizers=[(uses, family(run, arms)) for uses, arms in families(run).items()],
        datasets=[(name, run.shown(name)) for name in run.datasets],
        palette=style.PALETTE,
        script=script,
        css=(templates.TEMPLATES / "page.css").read_text("utf-8") + rules,
        hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        others=[(f"run{number}", other.name) for number, other in enumerate(further, start=2)],
    )
    return Made(text.encode(), saved)


def _order(draw: Callable[[], Sequence[Panel]], part: Part) -> pictures.Order:
    return pictures.Order(draw, part.question, part.describe, part.legend)


def _classes(
    drawn: dict[str, Sequence[pictures.Picture]],
) -> tuple[str, dict[str, list[pictures.Picture]]]:
    """The rules of all pictures' styles, and the pictures that name them."""
    rules, svgs = svg.classes([one.svg for pictures in drawn.values() for one in pictures])
    rest = iter(svgs)
    return rules, {
        name: [one._replace(svg=next(rest)) for one in pictures] for name, pictures in drawn.items()
    }


def _chapters(run: Run, claimed: Sequence[tuple[Run, str]]) -> list[Chapter]:
    """Those of the first run."""
    found = []
    for anchor, short, title, lead in CHAPTERS:
        parts, said = _parts(run, anchor), list[tuple[str, str]]()
        if anchor == "claims":
            said = [(link, claims.counted(other)) for other, link in claimed]
            said = said or [("", "Not in this run: make study NAME=claims asks what the chapter says.")]
        elif not parts and anchor in FILLED_BY:
            said = [("", f"Not in this run: make study NAME={FILLED_BY[anchor]} fills this section.")]
        if parts or said or anchor == "answer":
            found.append(Chapter(anchor, short, title, lead, [Placed(one, 0) for one in parts], said))
    return found


def _of_claims(run: Run) -> list[Chapter]:
    """The page of a run that asked the chapter's claims."""
    known = {anchor: (short, title, lead) for anchor, short, title, lead in CHAPTERS}
    return [
        Chapter(anchor, *known[anchor], [Placed(one, 0) for one in _parts(run, anchor)])
        for anchor in OF_CLAIMS
    ]


def _parts(run: Run, chapter: str) -> list[Part]:
    made = [make(run) for make in makers(chapter)]
    return [one for some in made if some for one in ([some] if isinstance(some, Part) else some)]


def _further(chapters: list[Chapter], run: Run, number: int) -> tuple[bool, list[Chapter]]:
    """Place a further run: chapters that no run before could fill, times among times, a group of the rest.

    Gives whether it filled any, and the group's chapters, ids after the run's anchor.
    """
    taken = set[str]()
    made = {anchor: _parts(run, anchor) for anchor, *_ in CHAPTERS}
    for i, one in enumerate(chapters):
        found = made.get(one.id, [])
        if one.id in FILLED_BY and found and not one.parts:
            lead = f"{one.lead}, from the study “{run.name}”".lstrip(", ")
            chapters[i] = one._replace(lead=lead, parts=[Placed(part, number) for part in found], links=())
            taken |= {part.name for part in found}
        elif one.id == "this-machine":
            named = [replace(part, question=f"{part.question} Study “{run.name}”") for part in found]
            one.parts.extend(Placed(part, number) for part in named)
    every = [one for parts in made.values() for one in parts if one.name not in taken]
    wanted = {one.name for one in every if one.name in SPECIFIC}
    wanted |= {name for one in wanted for name in BESIDE.get(one, ())}
    wanted = wanted or (set() if taken else set(GENERAL))
    changes = "; ".join(words.short(words.clean(change), 120) for change in run.manifest["changes"])
    tests = run["audit"][run["audit"].status.isin(["ok", "look"])]
    bad = int((tests.status == "look").sum())
    looked = f"{bad} of {len(tests)} checks {'asks' if bad == 1 else 'ask'} for a look."
    lead = f"{_size(run)}. {looked}{f' Changed from the named study: {changes}.' if changes else ''}"
    anchor = f"run{number + 1}"
    groups = (
        (anchor, run.name, f"Study “{run.name}”", lead, [one for one in every if one.name in wanted]),
        (f"{anchor}-provenance", "Again", f"Make it again: {run.name}", "", made["provenance"]),
    )
    return bool(taken), [
        Chapter(place, short, title, text, [Placed(one, number) for one in parts])
        for place, short, title, text, parts in groups
    ]


def _shown(
    runs: Sequence[Run],
    chapter: Chapter,
    drawn: dict[str, list[pictures.Picture]],
    links: Sequence[str | None],
) -> dict[str, Any]:
    """A chapter as the template reads it."""
    parts = []
    for one in chapter.parts:
        part, data = one.part, None
        if part.data is not None and len(part.data) <= ROWS:
            data = words.lines(part.data.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
        legend = [
            (key._replace(optimizer=words.clean(key.optimizer)), svg.swatch(key)) for key in part.legend
        ]
        named, panels = replace(part, name=one.name), drawn.get(one.name, [])
        parts.append(Shown(named, part.name, one.prefix, links[one.number], panels, legend, data, part.csv))
    return {**chapter._asdict(), "parts": parts}


def _size(run: Run) -> str:
    parts = [words.plural(len(run.optimizers), "optimizer"), words.plural(len(run.datasets), "dataset")]
    return " × ".join([*parts, words.plural(run.blocks, "block"), words.plural(run.draws, "draw")])


def _limits(run: Run) -> str:
    """What is not claimed, in one line."""
    tests = run["audit"][run["audit"].status.isin(["ok", "look"])]
    bad = int((tests.status == "look").sum())
    looked = f"{bad} of {len(tests)} checks {'asks' if bad == 1 else 'ask'} for a look."
    return f"Not claimed: other tables, other networks. {looked} {calibration.standing(run)}"
