"""All claims asked: measured on the workers, those about time last and alone, kept, and judged."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from studies.catalog import STUDIES
from studies.claims import CLAIMS, CLOCKED, NAN, NOT_RUN, Claim, Judged, declared, evidence, place
from studies.claims.lessons import lessons
from studies.claims.scenes import heights, series, walks
from studies.claims.tables import CLAIM_TABLES, CLOCKED_TABLES
from studies.errors import UsageError
from studies.machine import sources
from studies.protocol import NETWORK, Study
from studies.store import checksum, in_order, read_manifest, read_table, write_atomically
from studies.tables import alone
from studies.workers import answers

COMMANDS = {"default": "make study"}
SCORES = ("readings", "ratios")  # of each optimizer or pair by itself
DEPENDENT = ("comparisons", "ranking", "decay")  # tables in which whoever joins changes other lines


def measured(number: int, clock: bool, *frames: pd.DataFrame) -> pd.DataFrame:
    """The evidence of a claim, from the tables that it reads."""
    declared()  # in a worker nothing is registered yet
    return (CLOCKED if clock else CLAIMS)[number].measure(*frames)


def judged(one: Claim, seen: pd.DataFrame, source: str = "") -> tuple[pd.DataFrame, pd.DataFrame]:
    """One claim's lines of the tables of claims and of evidence."""
    return _lines(one, seen, one.judge(seen), source)


class Read(NamedTuple):
    """The tables that a claim reads. tied: what its evidence is tied to beside the code. lacks: a command."""

    frames: tuple[pd.DataFrame, ...] = ()
    source: str = ""
    tied: str = ""
    lacks: str = ""


def asked(
    folder: Path, jobs: int, tell: Callable[[str], None] = lambda line: None
) -> dict[str, pd.DataFrame]:
    """The tables of all claims. folder: of the run that asks, with its other tables.

    What was measured is kept in the run folder for as long as the code and the tables it reads stay the
    same. tell hears of each claim that was measured.
    """
    found: dict[str, pd.DataFrame] = {}
    for clock in (False, True):
        claims, version = declared(clock), f"{'-clock' * clock}-{sources(clock)}"
        read = {n: _read(one, folder) for n, one in claims.items()}
        kept = {n: folder / "claims" / f"{n:02d}{version}{one.tied}.parquet" for n, one in read.items()}
        proofs = {n: proof for n, path in kept.items() if (proof := _kept(path)) is not None}
        missing = [n for n, one in read.items() if not one.lacks and n not in proofs]
        calls = [(measured, number, clock, *read[number].frames) for number in missing]
        with contextlib.closing(answers(calls, 1 if clock else jobs)) as some:
            for done, (i, seen) in enumerate(some, 1):
                proofs[missing[i]] = seen
                write_atomically(kept[missing[i]], seen.to_parquet(index=False))
                tell(f"claim {missing[i]} · {'alone · ' * clock}{done}/{len(missing)}")
        lines = [
            _lines(one, evidence(), Judged(NOT_RUN, NAN, "", read[n].lacks), "")
            if read[n].lacks
            else judged(one, proofs[n], read[n].source)
            for n, one in claims.items()
        ]
        names = CLOCKED_TABLES if clock else ("claims", "evidence")
        found |= {
            name: pd.concat([line[i] for line in lines]) if lines else _nothing(name)
            for i, name in enumerate(names)
        }
    return found | lessons() | {"walks": _walks(folder), "heights": heights(), "series": series()}


def _walks(folder: Path) -> pd.DataFrame:
    """The walks over all surfaces, kept as evidence is: they take seconds."""
    path = folder / "claims" / f"walks-{sources()}.parquet"
    if (known := _kept(path)) is not None:
        return known
    made = walks()
    write_atomically(path, made.to_parquet(index=False))
    return made


def _kept(path: Path) -> pd.DataFrame | None:
    """Evidence that was measured before; none where its file is missing or damaged."""
    try:
        return pd.read_parquet(path) if path.exists() else None
    except Exception:  # pyarrow raises a dozen kinds for broken bytes
        return None


def nothing() -> dict[str, pd.DataFrame]:
    """The tables of a study that asks no claim."""
    return {name: _nothing(name) for name in CLAIM_TABLES}


def _nothing(name: str) -> pd.DataFrame:
    return pd.DataFrame(columns=list(CLAIM_TABLES[name].columns))


def _read(one: Claim, folder: Path) -> Read:
    """The tables of finished runs that a claim reads, or the command of the one that is not there."""
    frames, digest = [], hashlib.sha256()
    for table in one.reads:
        run, _, name = table.partition("/")
        try:
            frame = read_table(folder, name) if run == "own" else _finished(folder.parent / run, run, name)
        except UsageError:
            return Read(lacks=COMMANDS.get(run, f"make study NAME={run}"))
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
        frames.append(frame)
    if not frames:
        return Read()
    others = list(dict.fromkeys(run for table in one.reads if (run := table.partition("/")[0]) != "own"))
    tied = digest.hexdigest()[:16]
    return Read(tuple(frames), f"{', '.join(others)} ({tied})" if others else "this run", f"-{tied}")


def _finished(path: Path, name: str, table: str) -> pd.DataFrame:
    """A table of a finished run of a named study, as if no other optimizer had joined the run.

    Raises UsageError where it is not there or not whole.
    """
    frame, manifest = read_table(path, table), read_manifest(path)
    asked, question, whole = manifest["asked"], manifest["question"], STUDIES[name].settled()
    lacks = [arm.name for arm in whole.arms if asked["optimizers"].get(arm.name) != arm.spec()]
    lacks += [one for one in whole.datasets if one not in asked["datasets"]]
    lacks += ["blocks"] * (asked["blocks"] < (whole.blocks or 0))
    usual = {"draws": whole.draws, "epochs": whole.epochs or "rule", "widths": "rule", "metric": whole.metric}
    lacks += [f"its {key}" for key, value in usual.items() if question[key] != value]
    lacks += [f"its {key}" for key in NETWORK if key in question]
    if lacks:
        raise UsageError(f"{path} lacks {', '.join(lacks)} of {name}.", "Run that study whole.")
    if set(asked["optimizers"]) == {arm.name for arm in whole.arms}:
        return frame
    if table in DEPENDENT:
        whole = dataclasses.replace(whole, datasets=tuple(asked["datasets"]), blocks=asked["blocks"])
        frame = in_order(table, _alone(whole, *((path, _content(path, one)) for one in SCORES))[table])
    for column in {"optimizer", "a", "b"} & set(frame):
        frame = frame[frame[column].isin([arm.name for arm in whole.arms])]
    return frame.reset_index(drop=True)


def _content(path: Path, table: str) -> str:
    return checksum((path / "tables" / f"{table}.parquet").read_bytes())


@functools.lru_cache(maxsize=4)
def _alone(study: Study, *tables: tuple[Path, str]) -> dict[str, pd.DataFrame]:
    """What `alone` finds, once for all claims that read it. tables: where each is read, and what is in it."""
    return alone(study, *(read_table(path, name) for (path, _), name in zip(tables, SCORES, strict=True)))


def _lines(one: Claim, seen: pd.DataFrame, verdict: Judged, source: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    words = ("number", "part", "says", "chapter", "rule", "blind", "resampled", "x", "y", "log")
    line: dict[str, Any] = {
        **{name: getattr(one, name) for name in words},
        **verdict._asdict(),
        "code": ", ".join(map(place, one.code)),
        "source": source,
    }
    proof = seen.assign(number=one.number, line=range(len(seen)))
    return (
        pd.DataFrame([line])[list(CLAIM_TABLES["claims"].columns)],
        proof[list(CLAIM_TABLES["evidence"].columns)],
    )
