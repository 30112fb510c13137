"""Runs of the formats before this one, read as if they were of this one: what they lack is not known.

Nothing is found anew: a verdict follows from the call and the margin that were written, and what no table of
theirs says is empty or NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from studies.folder.schema.tables import AS_GOOD, NOT_DECIDED, PICK, TABLES, TOGETHER

FORMATS = (2, 3, 4, 5)
ORIGIN = "median of winners"
Read = Callable[[str], pd.DataFrame]  # a table as it was written, by name


def table(format_: int, name: str, read: Read) -> pd.DataFrame:
    """A table of an older run, with the columns of this version's."""
    made: dict[str, Callable[[str, Read], pd.DataFrame]] = {
        "comparisons": _one_family,
        "step_times": _nothing,
    }
    if format_ < 5:
        made["optimizers"] = _optimizers
    if format_ < 4:
        made |= {"datasets": _datasets, "columns": _nothing, "classes": _nothing}
    if format_ < 3:
        made |= {
            "comparisons": _comparisons,
            "decay": _called,
            "literature": _called,
            "ranking": _ranking,
            "picks": _picks,
            "confirmations": _confirmations,
            "alternatives": _alternatives,
            "candidates": _candidates,
            "baselines": _nothing,
            "choices": _nothing,
            "budgets": _nothing,
            "size_effects": _nothing,
            "learning_rates": _rates,
        }
    found = made[name](name, read) if name in made else read(name)
    return found.reindex(columns=list(TABLES[name].columns))  # rows were not read early: NaN


def _called(name: str, read: Read) -> pd.DataFrame:
    frame = read(name)
    return frame.assign(verdict=frame.call.replace("tied", NOT_DECIDED))


def _one_family(name: str, read: Read) -> pd.DataFrame:
    return read(name).assign(family=TOGETHER)


def _comparisons(name: str, read: Read) -> pd.DataFrame:
    frame = _called(name, read).assign(family=TOGETHER)
    open_ = ~frame.verdict.isin(["a", "b"])
    return frame.assign(verdict=frame.verdict.where(~(open_ & frame.equivalent), AS_GOOD))


def _ranking(name: str, read: Read) -> pd.DataFrame:
    return read(name).rename(columns={"tied_for_best": "unbeaten"})


def _picks(name: str, read: Read) -> pd.DataFrame:
    frame, calls = read(name), _comparisons("comparisons", read)
    alike = calls[(calls.reading == "error") & (calls.verdict == AS_GOOD)]
    pairs = {(r.scope, *ends) for r in alike.itertuples() for ends in ((r.a, r.b), (r.b, r.a))}
    sides: dict[str, list[str]] = {"as_good": [], "not_decided": []}
    for one in frame.itertuples():
        others = [other for other in str(one.tied_with).split(",") if other]
        good = [other for other in others if (one.dataset, one.optimizer, other) in pairs]
        sides["as_good"].append(",".join(good))
        sides["not_decided"].append(",".join(other for other in others if other not in good))
    return frame.assign(**sides, what=ORIGIN, recommended=PICK)


def _confirmations(name: str, read: Read) -> pd.DataFrame:
    return read(name).assign(what=PICK, draw=0)


def _alternatives(name: str, read: Read) -> pd.DataFrame:
    picks = read("picks")
    columns = {"confirmed": "estimate", "confirmed_blocks": "blocks"}
    columns |= {f"confirmed_{end}": end for end in ("low", "high", "level")}
    mine = picks[["dataset", *columns]].rename(columns=columns).assign(model=PICK)
    both = pd.concat([mine, read("baselines")], ignore_index=True)
    return both.assign(verdict="", recommended=both.model == PICK)


def _candidates(name: str, read: Read) -> pd.DataFrame:
    return read("picks").assign(position=0, draw=0, what=ORIGIN, chosen=True, blocks=0)


def _rates(name: str, read: Read) -> pd.DataFrame:
    return read(name).rename(columns={"safe": "band"})


def _optimizers(name: str, read: Read) -> pd.DataFrame:
    return read(name).assign(in_numpy="")  # all of them, and nobody asked why


def _datasets(name: str, read: Read) -> pd.DataFrame:
    return read(name).assign(left_out="")


def _nothing(name: str, read: Read) -> pd.DataFrame:
    return pd.DataFrame(columns=list(TABLES[name].columns))
