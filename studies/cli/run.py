"""A study and its page, as `make study` asks for them; what would run."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from studies import runner
from studies.analysis import baselines
from studies.cli.listing import document
from studies.cli.overrides import Asked, asked
from studies.cli.show import show
from studies.errors import EndedError, FailedError, masked, whole_number
from studies.folder.manifest import agreed
from studies.folder.run_folder import RunFolder
from studies.question import identity
from studies.question.plan import Plan
from studies.question.plan import planned as planned_run
from studies.question.study import Study
from studies.system import interrupts
from studies.system.files import free_space
from studies.system.machine import environment, one_thread
from studies.system.standard_streams import tell
from studies.training.draws import settings_of, size_and_decay
from studies.training.progress import Shown, duration
from studies.training.rows import Key, Row, choosing_blocks, confirming_blocks, wanted_keys
from studies.training.stacks import Stack, cost, stacks, train_stacks

BESIDE = {Path("runs/default"): "claims"}  # asked next, for the same page


def reported(first: Asked, *, quiet: bool, as_json: bool) -> Iterator[Any]:
    """Run a study and write its page; gives what is to be printed, as it comes.

    The page is written of what there is: also where an optimizer of somebody's own failed, or the claims
    could not be asked. Such an error is raised at the end. Raises EndedError where the page failed and
    said so.
    """
    document, wrong, folders = dict[str, Any](), list[Exception](), list[Path]()
    for one in (first, *_beside(first)):
        try:
            text = run_study(one.study, one.out, one.jobs, quiet=quiet or as_json, as_json=as_json)
            if as_json:
                document = document or text
            else:
                yield text
        except FailedError as error:
            wrong.append(error)
        except Exception as error:
            if one is first:
                raise
            wrong.append(error)
            continue
        if (one.out / "tables").is_dir():
            folders.append(one.out)
    if first.out in folders:
        page = (first.out.parent if first.out in BESIDE else first.out) / "report.html"
        code = _write(folders, page, silent=as_json)
        if code and not wrong:
            raise EndedError(code)
        document["report"] = str(page)
    for earlier in wrong[:-1]:
        tell(masked(str(earlier)))
    if wrong:
        raise wrong[-1]
    if as_json:
        yield document


def planned(first: Asked, *, as_json: bool) -> Iterator[Any]:
    """What `reported` would run."""
    for one in (first,) if as_json else (first, *_beside(first)):
        yield plan(one.study, one.out, one.jobs, as_json=as_json)


def _beside(first: Asked) -> list[Asked]:
    return [asked(BESIDE[first.out], {"jobs": first.jobs})] if first.out in BESIDE else []


def _write(folders: Sequence[Path], page: Path, *, silent: bool) -> int:
    """The page, by a process of its own, for no room imports `reports`; gives its exit code."""
    words = ["-m", "reports", *map(str, folders), "-o", str(page)]
    how = {"stdout": subprocess.DEVNULL if silent else None, "env": environment()}
    with interrupts.child([sys.executable, *words, "--parent", str(os.getpid())], **how) as process:
        code = process.wait()
    if code == 130:
        raise KeyboardInterrupt
    if code < 0:
        raise FailedError(
            f"The process that draws the page was ended by signal {-code}.",
            f"Write the page again: python {shlex.join(words)}",
        )
    return int(code)


BYTES_PER_TRAINING = 3_400  # record and tables, as measured on the default study


def run_study(study: Study, out: Path, jobs: int, *, quiet: bool, as_json: bool) -> Any:
    """Run a study, or go on with it."""
    if quiet:
        done = runner.run(study, out=out, jobs=jobs)
    else:
        with Shown() as progress:
            done = runner.run(study, out=out, jobs=jobs, progress=progress)
    if as_json:
        return show(out, as_json=True) | {"trained": done.trained, "diverged": done.diverged}
    first = (
        f"{out}: {done.trained} trainings in {duration(done.seconds)}, {done.diverged} of them diverged."
        if done.trained
        else f"{out} is finished: nothing was left to train."
    )
    return f"{first}\n\n{show(out, as_json=False)}"


def plan(study: Study, out: Path, jobs: int, *, as_json: bool) -> Any:
    """What would run: rows, time and disk expected."""
    whole_number("jobs", jobs, 0, 1024)
    study = identity.settled(study.found(), out, tell)
    manifest = agreed(out, identity.growing(study), identity.question(study))
    study = identity.whole(study, manifest, out)
    made = planned_run(study)
    records = RunFolder(out, manifest).records
    have = records.reached()
    for path, why in records.strange.items():
        tell(f"{path} would be left out: {why}.")
    rows = [
        row for row in costed(made) if (*row.key, made.identities[row.dataset, row.optimizer]) not in have
    ]
    choosing, confirming = fresh(made, "choose"), fresh(made, "confirm")
    tasks = stacks(made, rows)
    jobs = jobs or os.cpu_count() or 1
    work = sum(cost(stack) for task in [*tasks, *stacks(made, choosing + confirming)] for stack in task)
    plain = len(confirming_blocks(study)) * sum(
        baselines.seconds(model, facts) for facts in made.facts.values() for model in baselines.models(facts)
    )
    seconds = ((work * _seconds_per_cost(tasks) * 1.1 + plain) / jobs if tasks else 0.0) + 4
    size = BYTES_PER_TRAINING * (len(rows) + len(choosing) + len(confirming))
    facts = {
        "run": str(out),
        "trainings": len(rows),
        "choosing": len(choosing),
        "confirming": len(confirming),
        "stacks": sum(map(len, tasks)),
        "jobs": jobs,
        "seconds": round(seconds),
        "bytes": size,
    }
    if as_json:
        return document(**facts)
    if not rows:
        return f"{out} has all the searches of {study.name}: none would be trained."
    return (
        f"{study.name} into {out}: {len(rows)} trainings in {facts['stacks']} stacks, "
        f"and at most {len(choosing)} to choose the picks and {len(confirming)} to confirm them.\n"
        f"About {duration(seconds)} with {jobs} processes, and {size / 1e6:.0f} MB "
        f"({free_space(out) / 1e9:.0f} GB are free). Nothing was trained."
    )


def costed(plan: Plan) -> list[Row]:
    """The rows of a study as far as their cost goes: the right sizes, with defaults for what is drawn."""
    return [_costed(plan, key) for key in wanted_keys(plan.study)]


def fresh(plan: Plan, kind: str) -> list[Row]:
    """The rows that "choose" or "confirm" the picks, at most, as far as their cost goes.

    Nobody knows yet who is beaten on a dataset, nor whether defaults are picked.
    """
    study = plan.study
    first, names = study.arms[0].name, [arm.name for arm in study.arms]
    if kind == "choose":  # medians and defaults of each, and the winner of each block
        blocks, made = choosing_blocks(study), [*names, *names, *[first] * (study.blocks or 0)]
    else:  # a pick and its defaults
        blocks, made = confirming_blocks(study), [first, first]
    return [
        _costed(plan, (dataset, block, name, kind, number))
        for dataset in study.datasets
        for block in blocks
        for number, name in enumerate(made)
    ]


def _costed(plan: Plan, key: Key) -> Row:
    dataset, block, name, _, draw = key
    arm = plan.arms[name]
    sizes = plan.sizes(dataset, arm)
    size = sizes[size_and_decay(draw, block, len(sizes))[0]]
    return Row(*key, size, "none", settings_of(arm.kind()), arm.uses)


def _seconds_per_cost(tasks: list[list[Stack]]) -> float:
    """Speed of this machine: one short stack of the costliest dataset, timed."""
    largest = max((stack for task in tasks for stack in task), key=cost)
    short = largest._replace(epochs=2)
    with one_thread():
        train_stacks([short])  # warm-up
        started = time.perf_counter()
        train_stacks([short])
        return (time.perf_counter() - started) / cost(short)
