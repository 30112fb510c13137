"""The coordinator: wanted rows minus recorded ones, trained, compared, written down."""

from __future__ import annotations

import dataclasses
import hashlib
import html
import json
import os
import time
from pathlib import Path
from typing import Any

import pandas as pd

from studies import assemble
from studies.analysis import candidates
from studies.analysis.picks import DEFAULTS, Pick
from studies.catalog import STUDIES
from studies.claims.evaluation import asked, nothing
from studies.errors import FailedError, UsageError, nearest, whole_number
from studies.folder import cache
from studies.folder.read import read_table
from studies.folder.run_folder import RunFolder, open_run
from studies.folder.schema.tables import PICK, TABLES
from studies.question import foreign, user_optimizer
from studies.question.arm import plain
from studies.question.identity import (
    growing,
    identity,
    question,
    settled,
    whole,
)
from studies.question.plan import Plan, planned
from studies.question.study import Study
from studies.system.interrupts import terminable
from studies.system.machine import machine, one_thread, sources
from studies.training.draws import INDEPENDENT, Search, check_sampler, searched
from studies.training.progress import Progress
from studies.training.rows import Row, choosing_blocks, confirming_blocks, wanted_keys
from studies.training.workers import Workers


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
        """A table by name, such as "ranking" or "rows"; studies/folder/schema/tables.py has all columns.

        Raises UsageError for a name that it does not have.
        """
        if name not in TABLES:
            raise UsageError(f"There is no table {name!r}.", nearest(name, list(TABLES)))
        return read_table(self.path, name)

    def best(self) -> pd.DataFrame:
        """The pick for each dataset: optimizer, who is as good, settings, confirmed error, what to take."""
        columns = ["dataset", "optimizer", "as_good", "not_decided", "batch_size", "decay", "settings"]
        scores = ["confirmed", "confirmed_low", "confirmed_high", "recommended"]
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
    progress = progress or Progress()
    study = settled(study.found(), Path(out), progress.told)
    for arm in study.arms:  # what cannot be is said before anything is made
        check_sampler(arm.sampler)
    plan = planned(study)
    with (
        open_run(Path(out), growing(study), question(study)) as folder,
        terminable(),
        one_thread(),
    ):
        study = whole(study, folder.manifest, folder.path)
        plan = planned(study, plan)
        for arm in study.arms:
            user_optimizer.keep(arm.uses, folder.path)
        workers = Workers(folder, plan, jobs or os.cpu_count() or 1, progress)
        wanted = [(*key, plan.identities[key[0], key[2]]) for key in wanted_keys(study)]
        stands = cache.stands(folder, _tied(folder, plan))
        begun = {} if stands else dict.fromkeys(range(workers.jobs), (int,))
        with workers.meanwhile(begun) as ready:  # they import what they need while all records are read
            recorded = folder.records.reached()
            if aside := folder.records.set_aside():
                stands = cache.stands(folder, _tied(folder, plan))
            ready()
        _tell_slow(study, {key[2] for key in wanted if key not in recorded}, progress)
        for line in aside:
            workers.progress.warned(line)
        _search(plan, workers, wanted, recorded)
        if workers.failed or workers.trained or not stands:
            study = _compared(folder, plan, workers)
        asking = asked(folder.path, workers.jobs, workers.progress.told) if study.claims else nothing()
        folder.add_tables(asking)
        seconds = time.perf_counter() - started
        folder.describe(changes(study) + (told := _told(workers)))
        folder.log_machine(machine(workers.jobs, workers.trained, seconds))
        if told:
            remedy = "The others' rows and tables are kept: mend it and run again."
            raise FailedError(f"{'; '.join(told)}.", remedy)
        return Run(folder.path, study, workers.trained, workers.diverged, seconds)


def _tell_slow(study: Study, missing: set[str], progress: Progress) -> None:
    if slow := [arm.name for arm in study.arms if arm.name in missing and foreign.is_one(arm.uses)]:
        progress.told(f"Slower than dlopt's own, being other libraries': {', '.join(slow)}.")


def _compared(folder: RunFolder, plan: Plan, workers: Workers) -> Study:
    """Compare all rows, confirm the picks, write the tables; gives the study without what failed."""
    failed, lines = -1, _lines(plan)
    old = cache.unchanged(folder, lines)
    while failed < len(workers.failed):  # a pick may still fail where it is confirmed
        failed = len(workers.failed)
        plan = _without(plan, workers.failed)
        wanted = [(*key, plan.identities[key[0], key[2]]) for key in wanted_keys(plan.study)]
        rows, curves = folder.records.read(wanted)
        results = assemble.compared(plan, rows, curves, old, workers)
        picked = _picked(folder, plan, results.candidates, workers)
    assert picked is not None  # or something failed, and the loop went on
    written = assemble.finished(plan, results, picked, folder.timings())
    folder.write_tables(
        written,
        changes(plan.study) + _told(workers),
        lambda: "" if workers.failed else _tied(folder, plan),
        lines,
    )
    return plan.study


def _told(workers: Workers) -> list[str]:
    return [f"{user_optimizer.shown(uses)} failed: {said}" for uses, said in workers.failed.items()]


def _tied(folder: RunFolder, plan: Plan) -> str:
    """What the tables of a run are made of, in short: what was asked, records and times, the code."""
    asked, question = folder.manifest["asked"], folder.manifest["question"]
    notes = {name: list(plan.facts[name].notes) for name in sorted(plan.facts)}
    parts = [asked, question, sorted(plan.identities.items()), notes, cache.content(folder), sources()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _lines(plan: Plan) -> cache.Lines:
    """What the lines are made of that need nothing but one search, or one dataset: each in short."""
    common = [question(plan.study), plan.study.blocks, sources()]

    def short(*parts: Any) -> str:
        return hashlib.sha256(json.dumps([*common, *parts], sort_keys=True).encode()).hexdigest()[:16]

    return {
        "importances": {f"{name}/{arm}": short(made) for (name, arm), made in plan.identities.items()},
        "baselines": {name: short(facts.digest) for name, facts in plan.facts.items()},
    }


def _without(plan: Plan, failed: dict[str, str]) -> Plan:
    """The plan without the optimizers that raised. Raises FailedError where none is left."""
    if all(arm.uses in failed for arm in plan.arms.values()):
        uses, said = next(iter(failed.items()))
        raise FailedError(f"{user_optimizer.shown(uses)} failed: {said}.", "Mend it and run again.")
    return plan.without(failed)


def changes(study: Study) -> list[str]:
    """What differs from the named study of the same name, in words, and what is gone."""
    words = [
        f"{gone} is gone or holds {arm.title} no more: it is what the run's copy of it says"
        for arm in study.arms
        if (gone := user_optimizer.gone(arm.uses))
    ]
    if study.name not in STUDIES:
        return words
    named = STUDIES[study.name].settled()
    old_arms, new_arms = ({arm.name: arm for arm in s.arms} for s in (named, study))
    if list(old_arms) != list(new_arms):
        words.append(f"optimizers: {', '.join(new_arms)} (named study: {', '.join(old_arms)})")
    for name in new_arms:
        old, new = old_arms.get(name, new_arms[name]).spec(), new_arms[name].spec()
        words += [f"{name}: {key} {_plain(value)}" for key, value in new.items() if value != old.get(key)]
    for field in dataclasses.fields(Study):
        before, after = getattr(named, field.name), getattr(study, field.name)
        if field.compare and field.name not in ("name", "optimizers") and before != after:
            words.append(f"{field.name}: {_plain(after)} (named study: {_plain(before)})")
    return words


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_plain(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "none"
    return "by the rule" if value is None else plain(value) if isinstance(value, float) else str(value)


def _search(
    plan: Plan,
    workers: Workers,
    wanted: list[tuple[Any, ...]],
    recorded: dict[tuple[Any, ...], float],
) -> None:
    """Train the missing rows of all searches; draws that look at results come round by round.

    recorded: the best validation loss of what the folder holds, by key and identity.
    """
    workers.reached |= {key[:5]: recorded[key] for key in wanted if key in recorded}
    missing = {key[:5] for key in wanted if key not in recorded}
    lacking: dict[tuple[str, str], list[int]] = {}
    for dataset, block, name in sorted({key[:3] for key in missing}):
        lacking.setdefault((dataset, name), []).append(block)

    def train(rows: list[Row]) -> None:
        chosen = [row for row in rows if row.key in missing]
        workers.train(chosen, lambda row: plan.identities[row.dataset, row.optimizer])

    calls = [(plan, dataset, plan.arms[name], blocks) for (dataset, name), blocks in lacking.items()]
    rounds = [
        Search(plan, dataset, arm, block)
        for _, dataset, arm, blocks in calls
        if arm.sampler not in INDEPENDENT
        for block in blocks
    ]
    train([*_drawn(workers, calls), *(search.untuned() for search in rounds)])
    for _ in range(plan.study.draws if rounds else 0):
        asked = [s.ask() for s in rounds]
        train(asked)
        for search, row in zip(rounds, asked, strict=True):
            if row.uses not in workers.failed:
                search.tell(workers.reached[row.key])
        rounds = [search for search in rounds if search.arm.uses not in workers.failed]


def _drawn(workers: Workers, calls: list[tuple[Any, ...]]) -> list[Row]:
    """The rows of all searches whose draws look at no result."""
    alone = {(call[1], call[2].name): (searched, *call) for call in calls if call[2].sampler in INDEPENDENT}
    return [row for rows in workers.each(alone).values() for row in rows]


def _picked(
    folder: RunFolder, plan: Plan, made: dict[str, list[Pick]], workers: Workers
) -> assemble.Picked | None:
    """Choose a pick for each dataset among its candidates in fresh blocks, and confirm it in others.

    None where somebody's own optimizer has failed in them.
    """
    every = [one for some in made.values() for one in some]
    tried = _fresh(folder, plan, every, "choose", choosing_blocks(plan.study), workers)
    if tried is None:
        return None
    picks, tables, choices = [], [], []
    for dataset, some in made.items():
        here = tried[tried.dataset == dataset].set_index(["optimizer", "draw"])
        mine = [here.loc[[(one.arm.name, one.number)]].sort_values("block") for one in some]
        pick, table = candidates.choose(some, [one.test_error.tolist() for one in mine])
        picks.append(pick)
        tables.append(table)
        choices += [one.reset_index().assign(position=place) for place, one in enumerate(mine)]
    beside = [one for some in made.values() for one in some if one.what == DEFAULTS]
    own = {(one.dataset, one.arm.name) for one in picks if one.what != DEFAULTS}
    wanted = [*picks, *(one for one in beside if (one.dataset, one.arm.name) in own)]
    confirmed = _fresh(folder, plan, wanted, "confirm", confirming_blocks(plan.study), workers)
    if confirmed is None:
        return None
    chosen = {(one.dataset, one.arm.name, one.number) for one in picks}
    keys = zip(confirmed.dataset, confirmed.optimizer, confirmed.draw, strict=True)
    confirmed = confirmed.assign(what=[PICK if key in chosen else DEFAULTS for key in keys])
    return assemble.Picked(picks, pd.concat(tables), pd.concat(choices), confirmed)


def _fresh(
    folder: RunFolder, plan: Plan, settings: list[Pick], kind: str, blocks: range, workers: Workers
) -> pd.DataFrame | None:
    """Train settings in fresh blocks where that is not done yet; gives all of them, None where one fails."""
    own = {
        (one.dataset, one.arm.name, one.number): identity(
            plan.study, plan.facts[one.dataset].digest, one.arm, one.setting
        )
        for one in settings
    }

    def identify(row: Row) -> str:
        return own[row.dataset, row.optimizer, row.draw]

    wanted = [one.row(block, kind) for one in settings for block in blocks]
    have = folder.records.reached()
    workers.train([row for row in wanted if (*row.key, identify(row)) not in have], identify)
    if any(one.arm.uses in workers.failed for one in settings):
        return None
    rows, curves = folder.records.read([(*row.key, identify(row)) for row in wanted])
    key = ["dataset", "block", "optimizer", "draw"]
    last = curves.groupby(key)[["examples", "step"]].max().rename(columns={"step": "steps"})
    return rows.merge(last, on=key)
