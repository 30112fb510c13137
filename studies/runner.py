"""The coordinator: wanted rows minus recorded ones, trained, compared, written down."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import html
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

import datasets
from studies import own, standing, tables, yours
from studies.arms import Arm, from_spec, plain
from studies.catalog import STUDIES
from studies.claims.ask import asked, nothing
from studies.draws import INDEPENDENT, Search, batch_sizes, check_sampler, searched
from studies.errors import FailedError, UsageError, nearest, whole_number
from studies.machine import arithmetic, machine, one_thread, sources
from studies.progress import Progress
from studies.protocol import NETWORK, RESULTS_VERSION, USUAL, Pick, Row, Study, confirming_blocks, wanted_keys
from studies.schema import TABLES
from studies.store import RunFolder, known_manifest, open_run, read_table
from studies.workers import Workers


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run. path: its folder; trained: rows trained by this call; diverged: among them.

    A notebook shows its picks.
    """

    path: Path
    study: Study
    trained: int
    diverged: int
    seconds: float

    def table(self, name: str) -> pd.DataFrame:
        """A table by name, such as "ranking" or "rows"; studies/schema.py has them all with their columns.

        Raises UsageError for a name that it does not have.
        """
        if name not in TABLES:
            raise UsageError(f"There is no table {name!r}.", nearest(name, list(TABLES)))
        return read_table(self.path, name)

    def best(self) -> pd.DataFrame:
        """The pick for each dataset: optimizer, what it cannot be told from, settings, confirmed error."""
        columns = ["dataset", "optimizer", "tied_with", "batch_size", "decay", "settings"]
        scores = ["confirmed", "confirmed_low", "confirmed_high"]
        picks = self.table("picks")[columns + scores]
        return picks.assign(settings=picks.settings.map(json.loads))

    def _repr_html_(self) -> str:
        head = (
            f"<p>{html.escape(self.study.name)}: {self.trained} trainings, {html.escape(str(self.path))}</p>"
        )
        return head + str(self.best().to_html(index=False))


def run(study: Study, *, out: Path | str, jobs: int = 0, progress: Progress | None = None) -> Run:
    """Train what the run folder lacks, compare, and write the tables.

    out: the run folder; one that holds the same question is resumed or extended. jobs: worker processes,
    0 for one per core. Raises UsageError for a folder of something else or of another question.
    """
    started = time.perf_counter()
    for clock in (False, True):
        sources(clock)
    whole_number("jobs", jobs, 0, 1024)
    for arm in study.arms:  # what cannot be is said before anything is made
        check_sampler(arm.sampler)
        for name in study.datasets:
            batch_sizes(study, name, arm)
    study = study.settled(blocks_of(Path(out)))
    with open_run(Path(out), growing(study), question(study)) as folder, _terminable(), one_thread():
        study = whole(study, folder.manifest, folder.path)
        for arm in study.arms:
            own.keep(arm.uses, folder.path)
        workers = Workers(folder, study, jobs or os.cpu_count() or 1, progress or Progress())
        identities = search_identities(study)
        wanted = [(*key, identities[key[0], key[2]]) for key in wanted_keys(study)]
        begun = [] if standing.stands(folder, _tied(folder, identities)) else [(int,)] * workers.jobs
        with workers.meanwhile(begun) as ready:  # they import what they need while all records are read
            recorded = folder.reached()
            ready()
        _search(study, workers, wanted, identities, recorded)
        if workers.failed or not standing.stands(folder, _tied(folder, identities)):
            study = _compared(folder, study, workers, identities)
        asking = asked(folder.path, workers.jobs, workers.progress.told) if study.claims else nothing()
        for name, table in asking.items():
            folder.write_table(name, table)
        seconds = time.perf_counter() - started
        told = [f"{Path(uses).name} failed: {said}" for uses, said in workers.failed.items()]
        folder.describe(changes(study) + told, machine(workers.jobs, workers.trained, seconds))
        if told:
            remedy = "The others' rows and tables are kept: mend it and run again."
            raise FailedError(f"{'; '.join(told)}.", remedy)
        return Run(folder.path, study, workers.trained, workers.diverged, seconds)


def _compared(
    folder: RunFolder, study: Study, workers: Workers, identities: dict[tuple[str, str], str]
) -> Study:
    """Compare all rows, confirm the picks, write the tables; gives the study without what failed."""
    failed, lines = -1, _lines(study, identities)
    old = standing.unchanged(folder, lines)
    while failed < len(workers.failed):  # a pick may still fail where it is confirmed
        failed = len(workers.failed)
        study = _without(study, workers.failed)
        wanted = [(*key, identities[key[0], key[2]]) for key in wanted_keys(study)]
        rows, curves = folder.read_records(wanted)
        results = tables.compared(study, rows, curves, old, workers)
        confirmed = _confirm(folder, study, results.picks, workers)
    written = tables.finished(study, results, confirmed, folder.timings())
    for name, table in written.items():
        folder.write_table(name, table)
    if not workers.failed:
        standing.finish(folder, list(written), _tied(folder, identities), lines)
    return study


def _tied(folder: RunFolder, identities: dict[tuple[str, str], str]) -> str:
    """What the tables of a run are made of, in short: what was asked, records and times, the code."""
    asked, question = folder.manifest["asked"], folder.manifest["question"]
    notes = {name: list(datasets.load(name).notes) for name in sorted({name for name, _ in identities})}
    parts = [asked, question, sorted(identities.items()), notes, standing.content(folder), sources()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _lines(study: Study, identities: dict[tuple[str, str], str]) -> standing.Lines:
    """What the lines are made of that need nothing but one search, or one dataset: each in short."""
    common = [question(study), study.blocks, sources()]

    def short(*parts: Any) -> str:
        return hashlib.sha256(json.dumps([*common, *parts], sort_keys=True).encode()).hexdigest()[:16]

    return {
        "importances": {f"{name}/{arm}": short(made) for (name, arm), made in identities.items()},
        "baselines": {name: short(datasets.load(name).digest) for name in study.datasets},
    }


def _without(study: Study, failed: dict[str, str]) -> Study:
    """The study without the optimizers that raised. Raises FailedError where none is left."""
    left = tuple(arm for arm in study.arms if arm.uses not in failed)
    if not left:
        uses, said = next(iter(failed.items()))
        raise FailedError(f"{Path(uses).name} failed: {said}.", "Mend it and run again.")
    return dataclasses.replace(study, optimizers=left)


def growing(study: Study) -> dict[str, Any]:
    """What is asked of a run folder, which may grow from call to call."""
    return {
        "name": study.name,
        "optimizers": {arm.name: arm.spec() for arm in study.arms},
        "datasets": list(study.datasets),
        "blocks": study.blocks,
        **({"tables": known} if (known := yours.sources(study.datasets)) else {}),
    }


def question(study: Study) -> dict[str, Any]:
    """All that determines results beside what may grow; a folder answers one question."""
    network = {name: value for name in NETWORK if (value := getattr(study, name)) != USUAL[name]}
    return {
        "name": study.name,
        "draws": study.draws,
        "epochs": study.epochs or "rule",
        "widths": "rule" if study.widths is None else list(study.widths),
        **network,
        "metric": study.metric,
        "seed": study.seed,
        "results_version": RESULTS_VERSION,
        "arithmetic": arithmetic(),
        **({"claims": True} if study.claims else {}),
    }


def identity(study: Study, dataset: str, arm: Arm, pick: Any = None) -> str:
    """What ties a row to what made it: results version, data, arm, all declared fields, a pick."""
    parts = [RESULTS_VERSION, study.seed, datasets.load(dataset).digest, arm.identity, arm.declared(), pick]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def search_identities(study: Study) -> dict[tuple[str, str], str]:
    """The identity of each (dataset, arm)."""
    return {(name, arm.name): identity(study, name, arm) for name in study.datasets for arm in study.arms}


def changes(study: Study) -> list[str]:
    """What differs from the named study of the same name, in words, and what is gone."""
    words = [
        f"{own.gone(arm.uses)} is gone or holds {arm.title} no more: it is what the run's copy of it says"
        for arm in study.arms
        if own.gone(arm.uses)
    ]
    if study.name not in STUDIES:
        return words
    named = STUDIES[study.name].settled()
    old_arms, new_arms = ({arm.name: arm for arm in s.arms} for s in (named, study))
    if list(old_arms) != list(new_arms):
        words.append(f"optimizers: {', '.join(new_arms)} (named study: {', '.join(old_arms)})")
    for name in new_arms:
        old, new = old_arms.get(name, new_arms[name]).spec(), new_arms[name].spec()
        words += [f"{name}: {key} {_plain(new[key])}" for key in new if new[key] != old[key]]
    for field in dataclasses.fields(Study):
        before, after = getattr(named, field.name), getattr(study, field.name)
        if field.name not in ("name", "optimizers") and before != after:
            words.append(f"{field.name}: {_plain(after)} (named study: {_plain(before)})")
    return words


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_plain(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "none"
    return "by the rule" if value is None else plain(value) if isinstance(value, float) else str(value)


def blocks_of(path: Path) -> int | None:
    """The number of blocks of an existing run, which a call that names none keeps."""
    manifest = known_manifest(path)
    return int(manifest["asked"]["blocks"]) if manifest else None


def whole(study: Study, manifest: dict[str, Any], path: Path) -> Study:
    """The study with all that its folder holds, whoever was asked for first."""
    had = manifest["asked"]
    yours.again(had.get("tables", {}))
    return dataclasses.replace(
        study,
        optimizers=tuple(from_spec(name, own.kept(s, path)) for name, s in had["optimizers"].items()),
        datasets=tuple(name for name in datasets.names() if name in had["datasets"]),
        blocks=had["blocks"],
    )


def _search(
    study: Study,
    workers: Workers,
    wanted: list[tuple[Any, ...]],
    identities: dict[tuple[str, str], str],
    recorded: dict[tuple[Any, ...], float],
) -> None:
    """Train the missing rows of all searches; draws that look at results come round by round.

    recorded: the best validation loss of what the folder holds, by key and identity.
    """
    workers.reached |= {key[:5]: recorded[key] for key in wanted if key in recorded}
    missing = {key[:5] for key in wanted if key not in recorded}
    arms = {arm.name: arm for arm in study.arms}
    lacking: dict[tuple[str, str], list[int]] = {}
    for dataset, block, name in sorted({key[:3] for key in missing}):
        lacking.setdefault((dataset, name), []).append(block)

    def train(rows: list[Row]) -> None:
        chosen = [row for row in rows if row.key in missing]
        workers.train(chosen, lambda row: identities[row.dataset, row.optimizer])

    calls = [(study, dataset, arms[name], blocks) for (dataset, name), blocks in lacking.items()]
    rounds = [
        Search(study, dataset, arm, block)
        for _, dataset, arm, blocks in calls
        if arm.sampler not in INDEPENDENT
        for block in blocks
    ]
    train([*_drawn(workers, calls), *(search.untuned() for search in rounds)])
    for _ in range(study.draws if rounds else 0):
        asked = [s.ask() for s in rounds]
        train(asked)
        for search, row in zip(rounds, asked, strict=True):
            if row.uses not in workers.failed:
                search.tell(workers.reached[row.key])
        rounds = [search for search in rounds if search.arm.uses not in workers.failed]


def _drawn(workers: Workers, calls: list[tuple[Any, ...]]) -> list[Row]:
    """The rows of all searches whose draws look at no result."""
    alone = [call for call in calls if call[2].sampler in INDEPENDENT]
    return [row for rows in workers.each([(searched, *call) for call in alone]) for row in rows]


def _confirm(folder: RunFolder, study: Study, picks: list[Pick], workers: Workers) -> pd.DataFrame:
    """Train the picks that are not yet confirmed in fresh blocks, and read all of them back."""
    own = {
        one.dataset: identity(study, one.dataset, one.arm, [one.batch_size, one.decay, one.settings])
        for one in picks
    }

    def identify(row: Row) -> str:
        return own[row.dataset]

    wanted = [row for one in picks for row in one.rows(confirming_blocks(study))]
    have = folder.reached()
    workers.train([row for row in wanted if (*row.key, identify(row)) not in have], identify)
    rows, curves = folder.read_records([(*row.key, identify(row)) for row in wanted])
    last = curves.groupby(["dataset", "block"])[["examples", "step"]].max().rename(columns={"step": "steps"})
    return rows.merge(last, on=["dataset", "block"])


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM stop a run like Ctrl-C: workers end, nothing recorded is lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
