"""A finished run, read and checked: its tables, their names in words, pairs turned either way."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow.csv import WriteOptions, write_csv

from reports.data import words
from studies.analysis.verdicts import MARGINS, STABLE, blocks_needed
from studies.errors import UsageError
from studies.folder.read import Tables
from studies.folder.schema.notes import MACHINE, Manifest, misfit
from studies.folder.schema.tables import AGAINST, AS_GOOD, OPEN_VERDICTS, TOO_FEW, VARYING
from studies.system.files import read_json

LONGEST = 40  # characters of a name on the page


class ReportError(ValueError):
    """A run that cannot be reported: one sentence, and a second line with the remedy."""

    def __init__(self, sentence: str, remedy: str) -> None:
        super().__init__(f"{sentence}\n{remedy}")


@dataclass(frozen=True)
class Run:
    """A finished run: `run["rows"]` is a table, names are in the study's order."""

    path: Path
    manifest: Manifest
    machine: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    hashes: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, table: str) -> pd.DataFrame:
        return self.tables[table]

    @functools.cached_property
    def sha256(self) -> str:
        """Of all its tables but those that differ between two runs of one study."""
        hashes = [(name, value) for name, value in sorted(self.hashes.items()) if name not in VARYING]
        return hashlib.sha256(json.dumps(hashes).encode()).hexdigest()

    @functools.cached_property
    def optimizers(self) -> list[str]:
        """Names of the optimizers, as tables have them."""
        return [str(name) for name in self["optimizers"].sort_values("position").optimizer]

    @functools.cached_property
    def datasets(self) -> list[str]:
        """Names of the datasets, as tables have them."""
        return [str(name) for name in self["datasets"].sort_values("position").dataset]

    @functools.cached_property
    def name(self) -> str:
        """The study's name."""
        return words.clean(self.manifest["asked"]["name"])

    @property
    def blocks(self) -> int:
        """Blocks of each dataset."""
        return int(self.manifest["asked"]["blocks"])

    @property
    def draws(self) -> int:
        """Draws of each search."""
        return int(self.manifest["question"]["draws"])

    @property
    def search(self) -> str:
        """What the reading is an expectation of: half of the draws."""
        return f"a search of {words.plural(max(self.draws // 2, 1), 'draw')}"

    @functools.cached_property
    def _titles(self) -> dict[str, str]:
        frame = self["optimizers"]
        return dict(zip(map(str, frame.optimizer), map(words.clean, frame.title), strict=True))

    def title(self, optimizer: object) -> str:
        """An optimizer's name in words; "none" and unknown names as they are."""
        return words.short(self._titles.get(str(optimizer), words.clean(optimizer)), LONGEST)

    @functools.cached_property
    def own_tables(self) -> list[str]:
        """Datasets that are tables of the user's own."""
        frame = self["datasets"].sort_values("position")
        return [str(name) for name in frame[frame.notes.ne("")].dataset]

    @functools.cached_property
    def newcomers(self) -> list[str]:
        """Optimizers that are not the suite's own, whole: nothing is fixed about their search."""
        frame = self["optimizers"].sort_values("position")
        return [str(name) for name in frame[frame.source.ne("")].optimizer]

    def titles(self, optimizers: Any) -> list[str]:
        """Names in words."""
        return [self.title(name) for name in optimizers]

    def shown(self, dataset: object) -> str:
        """A dataset's name in words."""
        return words.short(words.clean(dataset).replace("_", " "), LONGEST)

    @property
    def scopes(self) -> list[str]:
        """All datasets together and each alone; with one dataset they are the same."""
        return ["pooled", *self.datasets] if len(self.datasets) > 1 else self.datasets

    def place(self, scope: object) -> str:
        """A scope in words: "all datasets together" or the dataset."""
        return "all datasets together" if scope == "pooled" else self.shown(scope)

    @functools.cached_property
    def _tasks(self) -> dict[str, str]:
        return dict(zip(self["datasets"].dataset, self["datasets"].task, strict=True))

    def unit(self, dataset: str) -> words.Unit:
        """How errors on a dataset are written."""
        metric = self.manifest["question"]["metric"]
        return words.unit_of(metric, self._tasks[dataset] != "regression")

    def margin(self, dataset: str) -> float:
        """The difference of errors that is too small to matter; NaN of losses."""
        loss = self.manifest["question"]["metric"] == "loss"
        return MARGINS["loss" if loss else self._tasks[dataset]]

    @property
    def units(self) -> str:
        """What errors are counted in, over all datasets."""
        return words.join(dict.fromkeys(self.unit(name).axis for name in self.datasets), "or")

    def order(self, reading: str, scope: str = "pooled") -> list[str]:
        """Optimizers by place."""
        return [str(name) for name in self._ranked(reading, scope).optimizer]

    def unbeaten(self, reading: str, scope: str = "pooled") -> list[str]:
        """Those that no other beats, by place."""
        here = self._ranked(reading, scope)
        return [str(name) for name in here.optimizer[here.unbeaten]]

    def unsure(self, reading: str) -> list[str]:
        """Those whose place over all datasets together another drawing of the blocks often changes."""
        here = self._ranked(reading, "pooled")
        same = here.stable.where(here.unbeaten, 1 - here.stable)
        return [str(name) for name in here.optimizer[same < STABLE]]

    def _ranked(self, reading: str, scope: str) -> pd.DataFrame:
        frame = self["ranking"]
        return frame[(frame.reading == reading) & (frame.scope == scope)].sort_values("place")

    def pairs(self, reading: str, scope: str = "pooled") -> pd.DataFrame:
        """The comparisons of one reading and scope."""
        frame = self["comparisons"]
        return frame[(frame.reading == reading) & (frame.scope == scope)]

    def tested(self, times: int = 1) -> str:
        """The pairs that Holm covers together, in words; times: datasets on which each is tested."""
        pairs = self.pairs("error")
        mine = pairs[pairs.family == AGAINST]
        if mine.empty:
            return words.plural(len(pairs) * times, "pair")
        counted = pd.concat([mine.a, mine.b]).value_counts()
        some = self.titles(name for name in self.optimizers if counted.get(name, 0) == counted.max())
        rest = words.count((len(pairs) - len(mine)) * times)
        return f"{words.plural(len(mine) * times, 'pair')} with {words.join(some)} and, apart, {rest} more"

    def beats(self, reading: str, scope: str = "pooled") -> list[tuple[str, str, float]]:
        """Every call as (better, worse, p after Holm), strongest first."""
        made = [
            (b, a, float(one["p_holm"])) if one["verdict"] == "b" else (a, b, float(one["p_holm"]))
            for (*here, a, b), one in self._calls.items()
            if here == [reading, scope] and one["verdict"] in ("a", "b")
        ]
        return sorted(made, key=lambda call: call[2])

    @functools.cached_property
    def _calls(self) -> dict[tuple[str, str, str, str], dict[str, Any]]:
        lines: list[dict[str, Any]] = self["comparisons"].to_dict("records")
        return {(one["reading"], one["scope"], one["a"], one["b"]): one for one in lines}

    def against(self, reading: str, scope: str, a: str, b: str) -> dict[str, Any] | None:
        """The comparison of two optimizers, turned so that differences are a - b."""
        if as_it_is := self._calls.get((reading, scope, a, b)):
            return dict(as_it_is)
        if (one := self._calls.get((reading, scope, b, a))) is None:
            return None
        turned = {**one, "a": a, "b": b, "estimate": -one["estimate"]}
        turned |= {"low": -one["high"], "high": -one["low"]}
        turned |= {"a_failed": one["b_failed"], "b_failed": one["a_failed"]}
        turned |= {"a_better": one["blocks"] - one["a_better"] - one["ties"]}
        turned["verdict"] = {"a": "b", "b": "a"}.get(one["verdict"], one["verdict"])
        return turned

    def open(self, reading: str, scope: str = "pooled", among: Container[str] | None = None) -> str:
        """What is known of the pairs that nobody called, of these optimizers alone: how many are as good."""
        pairs = self.pairs(reading, scope)
        pairs = pairs[pairs.verdict.isin(OPEN_VERDICTS)]
        if among is not None:
            pairs = pairs[[r.a in among and r.b in among for r in pairs.itertuples()]]
        good, n = int((pairs.verdict == AS_GOOD).sum()), len(pairs)
        if n == 1:
            return "they are as good as each other" if good else "between them it is not decided"
        if good in (0, n):
            return f"all {n} pairs are as good as each other" if good else f"none of {n} pairs is decided"
        rest = f"{n - good} {'is' if n - good == 1 else 'are'} not decided"
        return f"{good} of {n} pairs {'is' if good == 1 else 'are'} as good as each other, {rest}"

    def too_few(self, reading: str, scope: str = "pooled") -> bool:
        """Whether the blocks are too few for any call."""
        return bool((self.pairs(reading, scope).verdict == TOO_FEW).any())

    def more_blocks(self, scope: str = "pooled") -> str:
        """What to do where no call is possible."""
        pairs, datasets = len(self.pairs("error")), len(self.datasets)
        tests, together = (pairs, datasets) if scope == "pooled" else (pairs * datasets, 1)
        return f"run with --blocks {blocks_needed(tests, together)}"


def read(path: Path | str) -> Run:
    """Read a run folder. Raises ReportError for anything that is not a finished, readable run."""
    path = Path(path)
    try:
        tables = Tables(path)
        found = tables.all()
    except UsageError as error:
        raise ReportError(*str(error).split("\n", 1)) from None
    frames, hashes = ({name: one[i] for name, one in found.items()} for i in range(2))
    return Run(path, tables.manifest, _machine(path), frames, hashes)


def _machine(path: Path) -> dict[str, Any]:
    """The machine that trained; nothing where its note is lost: only the section about it uses it."""
    with contextlib.suppress(OSError, ValueError):
        found = read_json(path / "machine.json")
        if not misfit(found, MACHINE):
            return dict(found)
    return {}


def csv(frame: pd.DataFrame) -> bytes:
    """A table as CSV: LF, floats by as many digits as bring them back. pandas takes ten times as long."""
    buffer = io.BytesIO(f"{','.join(frame.columns)}\n".encode())
    buffer.seek(0, io.SEEK_END)
    write_csv(pa.Table.from_pandas(frame, preserve_index=False), buffer, WriteOptions(include_header=False))
    return buffer.getvalue()


def ordered(run: Run, frame: pd.DataFrame) -> pd.DataFrame:
    """A frame by dataset and optimizer in the study's order."""
    keys = {"dataset": run.datasets, "scope": ["pooled", *run.datasets], "optimizer": run.optimizers}
    by = [name for name in ("dataset", "scope", "optimizer") if name in frame]
    return frame.sort_values(
        by,
        key=lambda s: s.map({n: i for i, n in enumerate(keys[str(s.name)])}),
        kind="stable",
        ignore_index=True,
    )
