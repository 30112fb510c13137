"""A finished run, read and checked: its tables, their names in words, pairs turned either way."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow.csv import WriteOptions, write_csv

from reports import words

FORMAT = 1  # of the run folders that this version reads
# Tables that differ between two runs of one study.
VARYING = ("timings", "batch_times", "clocked_claims", "clocked_evidence")
NETWORK = ("activation", "init", "weight_decay")  # of a question: only where they are not as usual
LEVEL = 0.05  # the false-alarm level that Holm holds for each reading
LONGEST = 40  # characters of a name on the page

# What this room needs of each table; studies/schema.py says what the columns mean.
NEEDED: dict[str, str] = {
    "rows": "dataset block optimizer kind draw batch_size decay lr status best_validation_loss "
    "best_validation_error test_error",
    "curves": "dataset block optimizer kind draw examples training_loss",
    "envelopes": "dataset block optimizer examples loss",
    "readings": "dataset block optimizer search_error winner_error diverged rows",
    "ratios": "dataset block a b log_ratio",
    "comparisons": "reading scope a b p p_holm call estimate low high equivalent margin a_better "
    "a_better_low a_better_high ties a_failed b_failed blocks",
    "power": "reading dataset first second difference found level blocks needed",
    "ranking": "reading scope place optimizer mean_rank tied_for_best blocks",
    "forest": "optimizer dataset reference estimate low high level blocks",
    "best_of_k": "dataset optimizer k estimate low high level blocks",
    "learning_rates": "dataset optimizer lr_low lr_high rows good diverged low high safe",
    "best_rates": "dataset optimizer batch_size lr low high level blocks",
    "tuning": "dataset optimizer untuned searched searched_low searched_high searched_level "
    "estimate low high level untuned_failed blocks",
    "decay": "scope optimizer p p_holm call estimate low high level blocks",
    "picks": "dataset optimizer tied_with batch_size decay settings quartiles winners searched searched_low "
    "searched_high confirmed confirmed_low confirmed_high confirmed_level confirmed_blocks "
    "confirmed_diverged examples steps",
    "confirmations": "dataset block optimizer status test_error",
    "takehome": "dataset framework code notes",
    "baselines": "dataset model estimate low high level blocks",
    "audit": "check dataset optimizer what value limit status detail",
    "optimizers": "position optimizer title source summary defaults search",
    "datasets": "position dataset task rows features classes training_rows test_rows epochs batch_sizes "
    "model parameters sha256 notes",
    "calibration": "results_version question kind subject datasets network blocks draws reading level "
    "studies found rate low high goal status machine date",
    "literature": "position source claim rule differs answer decides line what unit estimate low high "
    "p_holm call failed blocks",
    "quadratic_deep": "subject order lr loss low high orders published",
    "claims": "number part says chapter rule blind verdict when effect unit low high resampled code source "
    "x y log",
    "evidence": "number line what x value low high expected",
    "clocked_claims": "number part says rule blind verdict when effect unit low high resampled code x y log",
    "clocked_evidence": "number line what x value low high expected",
    "lessons": "position part chinese title says done formula code",
    "glossary": "position term chinese meaning",
    "walks": "surface method lr step x y height",
    "heights": "surface x y height",
    "series": "day beta corrected value average",
    "untested": "position says chapter reason",
    "timings": "dataset block batch_size rows steps seconds",
}


class ReportError(ValueError):
    """A run that cannot be reported: one sentence, and a second line with the remedy."""

    def __init__(self, sentence: str, remedy: str) -> None:
        super().__init__(f"{sentence}\n{remedy}")


@dataclass(frozen=True)
class Run:
    """A finished run: `run["rows"]` is a table, names are in the study's order."""

    path: Path
    manifest: dict[str, Any]
    machine: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    hashes: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, table: str) -> pd.DataFrame:
        return self.tables[table]

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
        metric = str(self.manifest["question"].get("metric", "error"))
        return words.unit_of(metric, self._tasks[dataset] != "regression")

    @property
    def units(self) -> str:
        """What errors are counted in, over all datasets."""
        return words.join(dict.fromkeys(self.unit(name).axis for name in self.datasets), "or")

    def order(self, reading: str, scope: str = "pooled") -> list[str]:
        """Optimizers by place."""
        return [str(name) for name in self._ranked(reading, scope).optimizer]

    def tied_for_best(self, reading: str, scope: str = "pooled") -> list[str]:
        """Those that no other beats, by place."""
        here = self._ranked(reading, scope)
        return [str(name) for name in here.optimizer[here.tied_for_best]]

    def _ranked(self, reading: str, scope: str) -> pd.DataFrame:
        frame = self["ranking"]
        return frame[(frame.reading == reading) & (frame.scope == scope)].sort_values("place")

    def pairs(self, reading: str, scope: str = "pooled") -> pd.DataFrame:
        """The comparisons of one reading and scope."""
        frame = self["comparisons"]
        return frame[(frame.reading == reading) & (frame.scope == scope)]

    def beats(self, reading: str, scope: str = "pooled") -> list[tuple[str, str, float]]:
        """Every call as (better, worse, p after Holm), strongest first."""
        made = [
            (b, a, float(one["p_holm"])) if one["call"] == "b" else (a, b, float(one["p_holm"]))
            for (*here, a, b), one in self._calls.items()
            if here == [reading, scope] and one["call"] in ("a", "b")
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
        turned["call"] = {"a": "b", "b": "a"}.get(one["call"], one["call"])
        return turned

    def too_few(self, reading: str, scope: str = "pooled") -> bool:
        """Whether the blocks are too few for any call."""
        return bool((self.pairs(reading, scope).call == "too few blocks").any())

    def enough(self, scope: str = "pooled") -> int:
        """The smallest number of blocks at which a call can be reached."""
        pairs, datasets = len(self.pairs("error")), len(self.datasets)
        return enough_blocks(
            pairs, datasets if scope == "pooled" else 1, 1 if scope == "pooled" else datasets
        )


def enough_blocks(pairs: int, pooled: int, families: int) -> int:
    """The smallest R with 2 / 2^(R·pooled datasets) × pairs × families ≤ .05."""
    for blocks in range(1, 1000):
        if 2.0 ** (1 - blocks * pooled) * pairs * families <= LEVEL:
            return blocks
    return 1000


def plain_arms(manifest: dict[str, Any]) -> bool:
    """Whether nothing is fixed about any optimizer's search, so that its name says all."""
    arms = manifest["asked"]["optimizers"]
    specs = arms.values() if isinstance(arms, dict) else []
    return all(
        spec
        == {"optimizer": name, "decay": "mixed", "batch_sizes": [], "fixed": {}, "search": {}}
        | {"sampler": "random"}
        for name, spec in zip(arms, specs, strict=False)
    )


def plain_network(question: dict[str, Any]) -> bool:
    """Whether the network is the rule's."""
    return question.get("widths", "rule") == "rule" and not set(NETWORK) & set(question)


def command(manifest: dict[str, Any], order: list[str]) -> str:
    """The command that makes the run again, with all that the command line can say."""
    asked, question = manifest["asked"], manifest["question"]
    parts = ["python", "-m", "studies", "run", str(asked["name"])]
    if plain_arms(manifest):
        parts += ["--optimizers", ",".join(order)]
    parts += ["--datasets", ",".join(asked["datasets"])]
    parts += ["--blocks", str(asked["blocks"]), "--trials", str(question["draws"])]
    if question["epochs"] != "rule":
        parts += ["--epochs", str(question["epochs"])]
    parts += ["--seed", str(question["seed"])]
    return words.clean(shlex.join(parts))


def read(path: Path | str) -> Run:
    """Read a run folder. Raises ReportError for anything that is not a finished, readable run."""
    path = Path(path)
    manifest = _manifest(path)
    again = words.clean(shlex.join(["python", "-m", "studies", "run", "--out", str(path)]))
    tables, hashes = {}, {}
    missing = [name for name in NEEDED if not (path / "tables" / f"{name}.parquet").is_file()]
    if missing:
        what = "has no tables yet" if len(missing) == len(NEEDED) else f"lacks the table {missing[0]!r}"
        raise ReportError(f"{path} is not finished: it {what}.", f"Finish it: {again}")
    others = {p.stem: "" for p in sorted((path / "tables").glob("*.parquet")) if p.stem not in NEEDED}
    for name, columns in {**NEEDED, **others}.items():  # tables that no sentence uses become CSVs too
        file = path / "tables" / f"{name}.parquet"
        try:
            content = file.read_bytes()
            frame = pd.read_parquet(io.BytesIO(content))
        except Exception as error:  # pyarrow raises a dozen kinds for broken bytes
            raise ReportError(
                f"{file} is damaged ({type(error).__name__}).", f"Write the tables again: {again}"
            ) from error
        lost = [column for column in columns.split() if column not in frame.columns]
        if lost:
            raise ReportError(
                f"{file} has no column {lost[0]!r}, which a report needs.", f"Write the tables again: {again}"
            )
        tables[name], hashes[name] = frame, hashlib.sha256(content).hexdigest()
    for name in ("optimizers", "datasets", "readings"):
        if tables[name].empty:
            raise ReportError(f"{path}'s table {name!r} is empty.", f"Write the tables again: {again}")
    return Run(path, manifest, _machine(path), tables, hashes)


def _manifest(path: Path) -> dict[str, Any]:
    file = path / "manifest.json"
    try:
        manifest = json.loads(file.read_text("utf-8"))
        newer = manifest["format"] > FORMAT
        _ = [manifest[part][key] for part, keys in _KEYS.items() for key in keys], manifest["changes"]
    except (FileNotFoundError, NotADirectoryError):
        raise ReportError(
            f"{path} is no run folder: it has no manifest.json.",
            "Name a folder below runs/, or make one: make study",
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise ReportError(
            f"{file} is no manifest of this suite.", "Name another folder below runs/."
        ) from None
    if newer:
        raise ReportError(
            f"{path} has format {manifest['format']}, and this version reads up to {FORMAT}.",
            "Update the checkout, or name a folder that this version made.",
        )
    return dict(manifest)


_KEYS = {"asked": ("name", "optimizers", "datasets", "blocks"), "question": ("draws", "epochs", "seed")}


def _machine(path: Path) -> dict[str, Any]:
    try:
        found = json.loads((path / "machine.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}  # only the section about the machine uses it
    return dict(found) if isinstance(found, dict) else {}


def csv(frame: pd.DataFrame) -> bytes:
    """A table as CSV: LF, floats by as many digits as bring them back. pandas takes ten times as long."""
    buffer = io.BytesIO(f"{','.join(frame.columns)}\n".encode())
    buffer.seek(0, io.SEEK_END)
    write_csv(pa.Table.from_pandas(frame, preserve_index=False), buffer, WriteOptions(include_header=False))
    return buffer.getvalue()
