"""How a table of the user's own was read: each of its columns, and what to say where that is wrong."""

from __future__ import annotations

import pandas as pd

from reports.data import words
from reports.data.run import Run
from reports.parts import Cell, Part, Table, part

MANY = 40  # columns of a table; further ones are folded
DOUBT = "Look out"


@part("table")
def own_tables(run: Run) -> list[Part]:
    """A part for each table."""
    return [_read(run, name) for name in run.own_tables]


def _read(run: Run, dataset: str) -> Part:
    columns = run["columns"][run["columns"].dataset == dataset].sort_values("position")
    notes = str(run["datasets"].set_index("dataset").notes[dataset]).splitlines()
    doubts = [note for note in notes if note.startswith(DOUBT)]
    rest = [note for note in notes if note not in doubts]
    return Part(
        name=f"columns-{run.datasets.index(dataset)}",
        question=f"How was {run.shown(dataset)} read?",
        answer=_answer(columns),
        basis="Counted in all rows; what is estimated (medians, scales, categories) each block fits anew.",
        data=columns,
        csv=("columns", "classes"),
        tables=[*_doubts(doubts), *_classes(run, dataset), *_columns(columns), *_decided(rest)],
        tables_first=True,
        folded=len(run.own_tables) > 1,
    )


def _answer(columns: pd.DataFrame) -> str:
    """How many columns are used, and how many are not."""
    if columns.empty:
        return "This run was made before columns were written down: what was decided stands below."
    used, dropped = (columns[columns.role.isin(roles)] for roles in (["feature", "time"], ["dropped"]))
    features = words.plural(int(columns.features.sum()), "feature")
    left = f"; {words.plural(len(dropped), 'column')} left out" if len(dropped) else ""
    return f"{words.plural(len(used), 'column')} {'gives' if len(used) == 1 else 'give'} {features}{left}."


def _doubts(doubts: list[str]) -> list[Table]:
    if not doubts:
        return []
    rows = [[Cell(words.clean(one.removeprefix(DOUBT).lstrip(":, ")), status="look")] for one in doubts]
    return [Table([DOUBT], rows, "What may make every error here wrong", sortable=False)]


def _decided(notes: list[str]) -> list[Table]:
    rows = [[Cell(words.clean(one))] for one in notes]
    return [Table(["What was decided"], rows, "Decisions", sortable=False, folded=True)] if rows else []


def _classes(run: Run, dataset: str) -> list[Table]:
    shares = run["classes"][run["classes"].dataset == dataset].sort_values("position")
    if shares.empty:
        return []
    total = int(shares["rows"].sum())
    rows = [
        [
            Cell(words.clean(r.name_), lang=""),
            Cell(words.count(r.rows), r.rows),
            Cell(f"{words.number(100 * r.rows / total, 2)}{words.THIN}%", r.rows),
        ]
        for r in shares.rename(columns={"name": "name_"}).itertuples()
    ]
    heads = ["Class", "Rows", "Share"]
    return [
        Table(heads, some, caption, frozenset({1, 2}), folded=folded)
        for some, caption, folded in (
            (rows[:MANY], "Classes of the target", False),
            (rows[MANY:], "Further classes", True),
        )
        if some
    ]


def _columns(columns: pd.DataFrame) -> list[Table]:
    rows = [
        [
            Cell(words.short(words.clean(r.column), 40), r.position),
            Cell(r.kind if r.role in ("feature", r.kind) else f"{r.role}: {r.kind}", note=words.clean(r.why)),
            Cell(words.count(r.missing) if r.missing else "", r.missing),
            Cell(words.count(r.categories) if r.categories else "", r.categories),
            Cell(words.short(words.clean(r.example), 30)),
            Cell(words.count(r.features) if r.features else "–", r.features),
            Cell(words.clean(r.change)),
        ]
        for r in columns.itertuples()
    ]
    heads = ["Column", "Read as", "Missing", "Categories", "Such as", "Features", "To change it"]
    return [
        Table(heads, some, caption, frozenset({2, 3, 5}), folded=folded)
        for some, caption, folded in (
            (rows[:MANY], "Columns of the file", False),
            (rows[MANY:], f"The other {len(rows) - MANY} columns", True),
        )
        if some
    ]
