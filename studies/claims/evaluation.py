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

from studies.analysis.subset import alone
from studies.analysis.verdicts import NOT_RUN
from studies.catalog import STUDIES
from studies.claims.chapter import lessons
from studies.claims.claim import NAN, Claim, Judged, declared, evidence, place
from studies.claims.illustrations import heights, series, walks
from studies.errors import UsageError
from studies.folder.read import Tables, parsed
from studies.folder.records import as_parquet
from studies.folder.run_folder import arranged, in_order
from studies.folder.schema.claims import CLAIM_TABLES, CLOCKED_TABLES
from studies.folder.schema.columns import Schema
from studies.folder.schema.notes import NETWORK
from studies.question.plan import planned
from studies.question.study import Study
from studies.system.files import checksum, write_atomically
from studies.system.machine import sources
from studies.training.process_pool import answers

_NUMBERED = ("number", "line")
PROOF = Schema(  # evidence before it is numbered: its order is its own
    (), {k: v for k, v in CLAIM_TABLES["evidence"].columns.items() if k not in _NUMBERED}, unique=False
)
COMMANDS = {"default": "make study"}
SCORES = ("readings", "ratios")  # of each optimizer or pair by itself
DEPENDENT = ("comparisons", "ranking", "decay")  # tables in which whoever joins changes other lines


def measured(number: int, clock: bool, *frames: pd.DataFrame) -> pd.DataFrame:
    """The evidence of a claim, from the tables that it reads."""
    return declared(clock)[number].measure(*frames)


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
    opened = functools.cache(Tables)
    for clock in (False, True):
        claims, version = declared(clock), f"{'-clock' * clock}-{sources(clock)}"
        read = {n: _read(one, folder, opened) for n, one in claims.items()}
        kept = {n: Kept(folder, f"{n:02d}{version}{one.tied}", PROOF) for n, one in read.items()}
        proofs = {n: proof for n, one in kept.items() if (proof := one.read()) is not None}
        missing = [n for n, one in read.items() if not one.lacks and n not in proofs]
        calls = {number: (measured, number, clock, *read[number].frames) for number in missing}
        with contextlib.closing(answers(calls, 1 if clock else jobs)) as some:
            for done, (number, seen) in enumerate(some, 1):
                proofs[number] = kept[number].write(seen)
                tell(f"claim {number} · {'alone · ' * clock}{done}/{len(missing)}")
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
    kept = Kept(folder, f"walks-{sources()}", CLAIM_TABLES["walks"])
    if (known := kept.read()) is not None:
        return known
    return kept.write(walks())


class Kept(NamedTuple):
    """Evidence in a run folder, under a name that says what it is tied to and, last, what is in it."""

    folder: Path
    name: str
    schema: Schema

    def read(self) -> pd.DataFrame | None:
        """What was measured before; none where it is missing, or not what was written."""
        for path in self._files():
            content = path.read_bytes() if path.is_file() else b""
            if path.stem.rpartition("-")[2] == checksum(content):
                table = parsed(content, self.schema)
                if not isinstance(table, str):
                    return pd.DataFrame(table.to_pandas())
        return None

    def write(self, made: pd.DataFrame) -> pd.DataFrame:
        """Keep it, in place of what was no longer what was written; gives it as it will be read."""
        table = arranged(self.schema, made)
        content = as_parquet(table, "zstd")
        for path in self._files():
            path.unlink(missing_ok=True)
        write_atomically(self.folder / "claims" / f"{self.name}-{checksum(content)}.parquet", content)
        return pd.DataFrame(table.to_pandas())

    def _files(self) -> list[Path]:
        return sorted((self.folder / "claims").glob(f"{self.name}-{'?' * 16}.parquet"))


def nothing() -> dict[str, pd.DataFrame]:
    """The tables of a study that asks no claim."""
    return {name: _nothing(name) for name in CLAIM_TABLES}


def _nothing(name: str) -> pd.DataFrame:
    return pd.DataFrame(columns=list(CLAIM_TABLES[name].columns))


def _read(one: Claim, folder: Path, opened: Callable[[Path], Tables]) -> Read:
    """The tables of finished runs that a claim reads, or the command of the one that is not there."""
    frames, digest = [], hashlib.sha256()
    for table in one.reads:
        run, _, name = table.partition("/")
        try:
            whose = opened(folder if run == "own" else folder.parent / run)
            frame = whose[name] if run == "own" else _finished(whose, run, name)
        except UsageError:
            return Read(lacks=COMMANDS.get(run, f"make study NAME={run}"))
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
        frames.append(frame)
    if not frames:
        return Read()
    others = list(dict.fromkeys(run for table in one.reads if (run := table.partition("/")[0]) != "own"))
    tied = digest.hexdigest()[:16]
    return Read(tuple(frames), f"{', '.join(others)} ({tied})" if others else "this run", f"-{tied}")


def _finished(tables: Tables, name: str, table: str) -> pd.DataFrame:
    """A table of a finished run of a named study, as if no other optimizer had joined the run.

    Raises UsageError where it is not there or not whole.
    """
    path, frame, manifest = tables.path, tables[table], tables.manifest
    asked, question, whole = manifest["asked"], manifest["question"], STUDIES[name].settled()
    lacks = [arm.name for arm in whole.arms if asked["optimizers"].get(arm.name) != arm.spec()]
    lacks += [one for one in whole.datasets if one not in asked["datasets"]]
    lacks += ["blocks"] * (asked["blocks"] < (whole.blocks or 0))
    usual = {"draws": whole.draws, "epochs": whole.epochs or "rule", "widths": "rule", "metric": whole.metric}
    lacks += [f"its {key}" for key, value in question.items() if usual.get(key, value) != value]
    lacks += [f"its {key}" for key in NETWORK if key in question]
    if lacks:
        raise UsageError(f"{path} lacks {', '.join(lacks)} of {name}.", "Run that study whole.")
    if set(asked["optimizers"]) == {arm.name for arm in whole.arms}:
        return frame
    if table in DEPENDENT:
        whole = dataclasses.replace(whole, datasets=tuple(asked["datasets"]), blocks=asked["blocks"])
        frame = in_order(table, _alone(whole, *((path, tables.made["tables"][one]) for one in SCORES))[table])
    for column in {"optimizer", "a", "b"} & set(frame):
        frame = frame[frame[column].isin([arm.name for arm in whole.arms])]
    return frame.reset_index(drop=True)


@functools.lru_cache(maxsize=4)
def _alone(study: Study, *tables: tuple[Path, str]) -> dict[str, pd.DataFrame]:
    """What `alone` finds, once for all claims that read it. tables: where each is read, and what is in it."""
    return alone(
        planned(study), *(Tables(path)[name] for (path, _), name in zip(tables, SCORES, strict=True))
    )


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
