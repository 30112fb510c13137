"""What the commands do: text or, with as_json, plain data with a schema version."""

from __future__ import annotations

import json
import math
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import datasets
import dlopt
from studies import drawing, mirror, runner
from studies.calibrate import calibrate
from studies.draws import batch_sizes, settings_of, size_and_decay
from studies.errors import FailedError, UsageError, nearest, whole_number
from studies.export import FRAMEWORKS
from studies.listing import document
from studies.machine import one_thread
from studies.progress import Shown, duration
from studies.protocol import Row, Study, budget, confirming_blocks, wanted_keys
from studies.replay import replay
from studies.stacks import Stack, cost, stacks, train_stacks
from studies.store import RunFolder, agreed, free_space, read_manifest, read_table

WALK = 2_000  # steps on a surface
BYTES_PER_TRAINING = 3_400  # record and tables, as measured on the default study


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The lines of a table, with null for NaN and the words of JSON for infinities."""

    def plain(value: Any) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
        return value

    return [{k: plain(v) for k, v in line.items()} for line in frame.to_dict("records")]


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
    study = study.settled(runner.blocks_of(out))
    manifest = agreed(out, runner.growing(study), runner.question(study))
    study = runner.whole(study, manifest, out)
    identities = runner.search_identities(study)
    have = RunFolder(out, manifest).reached()
    rows = [row for row in planned(study) if (*row.key, identities[row.dataset, row.optimizer]) not in have]
    confirming = len(confirming_blocks(study)) * len(study.datasets)
    tasks = stacks(study, rows)
    jobs = jobs or os.cpu_count() or 1
    work = sum(cost(stack) for task in tasks for stack in task)
    seconds = (work * _seconds_per_cost(tasks) / jobs * 1.1 if tasks else 0.0) + 4
    size = BYTES_PER_TRAINING * (len(rows) + confirming)
    facts = {
        "run": str(out),
        "trainings": len(rows),
        "confirming": confirming,
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
        f"and {confirming} confirming ones.\n"
        f"About {duration(seconds)} with {jobs} processes, and {size / 1e6:.0f} MB "
        f"({free_space(out) / 1e9:.0f} GB are free). Nothing was trained."
    )


def planned(study: Study) -> list[Row]:
    """The rows of a study as far as their cost goes: the right sizes, with defaults for what is drawn."""
    rows = []
    arms = {arm.name: arm for arm in study.arms}
    for dataset, block, name, kind, draw in wanted_keys(study):
        sizes = batch_sizes(study, dataset, arms[name])
        size = sizes[size_and_decay(draw, block, len(sizes))[0]]
        settings = settings_of(arms[name].kind())
        rows.append(Row(dataset, block, name, kind, draw, size, "none", settings, arms[name].uses))
    return rows


def _seconds_per_cost(tasks: list[list[Stack]]) -> float:
    """Speed of this machine: one short stack of the costliest dataset, timed."""
    largest = max((stack for task in tasks for stack in task), key=cost)
    short = largest._replace(epochs=2)
    with one_thread():
        train_stacks([short])  # warm-up
        started = time.perf_counter()
        train_stacks([short])
        return (time.perf_counter() - started) / cost(short)


def show(path: Path, *, as_json: bool) -> Any:
    """The results of a run: calls, ranking, picks."""
    manifest = read_manifest(path)
    ranking, picks, calls = (read_table(path, name) for name in ("ranking", "picks", "comparisons"))
    pooled = calls[calls.scope == "pooled"]
    kinds = {"claims": "claims", "clocked_claims": "claims by the clock"}
    asked = pd.concat(read_table(path, name).assign(kind=kind) for name, kind in kinds.items())
    if as_json:
        return document(
            run=str(path),
            study=manifest["asked"],
            ranking=_records(ranking),
            comparisons=_records(pooled),
            picks=_records(picks),
            **({"claims": _records(asked)} if len(asked) else {}),
        )
    parts = [
        f"{kind} · {verdict}: {', '.join(map(str, here.number))}."
        for (kind, verdict), here in asked.groupby(["kind", "verdict"], sort=False)
    ]
    for reading, question in (("error", "Who ends best"), ("ratio", "Who gets there first")):
        here = ranking[(ranking.reading == reading) & (ranking.scope == "pooled")].sort_values("place")
        few = (pooled[pooled.reading == reading].call == "too few blocks").any()
        names = [f"{r.optimizer} ({r.mean_rank:.2f})" for r in here.itertuples()]
        tied = here[here.tied_for_best].optimizer.tolist()
        words = (
            "too few blocks to tell anything apart; run with more --blocks"
            if few
            else f"mean ranks {', '.join(names)}; nothing beats {', '.join(tied)}"
        )
        parts.append(f"{question}: {words}.")
    lines = []
    for one in picks.itertuples():
        interval = f"[{one.confirmed_low:.4f}, {one.confirmed_high:.4f}]"
        settings = {k: f"{v:.3g}" for k, v in json.loads(one.settings).items()}
        lines.append(
            {
                "dataset": one.dataset,
                "optimizer": one.optimizer,
                "tied with": one.tied_with.replace(",", ", ") or "none",
                "batch size": one.batch_size,
                "setting": ", ".join(f"{k} {v}" for k, v in settings.items() if k != "eps"),
                "test error, confirmed": f"{one.confirmed:.4f} {interval}",
            }
        )
    return "\n".join(parts) + "\n\n" + pd.DataFrame(lines).to_string(index=False)


def best(path: Path, framework: str, *, as_json: bool) -> Any:
    """The confirmed setting for each dataset as code."""
    if framework not in FRAMEWORKS:
        raise UsageError(f"There is no code for {framework!r}.", nearest(framework, FRAMEWORKS))
    table = read_table(path, "takehome")
    here = table[table.framework == framework]
    if as_json:
        return document(run=str(path), settings=_records(here))
    if framework == "json":
        return json.dumps({r.dataset: json.loads(r.code) for r in here.itertuples()}, indent=2)
    return "\n\n".join(f"# {r.dataset}. {r.notes}".rstrip() + f"\n{r.code}" for r in here.itertuples())


def replayed(path: Path, row: str, *, as_json: bool) -> Any:
    """One recorded row, trained again and compared."""
    with one_thread():
        found = replay(path, row)
    if as_json:
        return document(
            run=str(path), says=found.sentence, row=_records(found.rows), curve=_records(found.curves)
        )
    return found.sentence


def make_mirror(path: Path, storage: str | None, *, as_json: bool) -> Any:
    """Make the Optuna mirror of a run: a journal file, or studies in a database."""
    if storage is None:
        journal, names = mirror.write(path)
        kind, place = "journal", str(journal)
    else:
        place, names = mirror.write_into(storage, path, lambda line: print(line, file=sys.stderr, flush=True))
        kind = "database"
    if as_json:
        return document(**{kind: place, "studies": names})
    note = " (*** stands for the password)" if "***" in place else ""
    return (
        f"{place}: {len(names)} Optuna studies, such as {names[0]!r}.\n"
        f"Look at them with: optuna-dashboard {shlex.quote(place)} --host 127.0.0.1{note}"
    )


def try_out(
    dataset: str, optimizers: tuple[str, ...] | None, epochs: int | None, seed: int, *, as_json: bool
) -> Any:
    """Train each optimizer once with its defaults, and give the curves of validation loss.

    On a surface: let each walk, and give the heights.
    """
    chosen = tuple(dlopt.OPTIMIZERS) if optimizers is None else optimizers
    if dataset in dlopt.SURFACES:
        return _walk(dataset, chosen, WALK if epochs is None else epochs, seed, as_json=as_json)
    known = [*datasets.names(), *dlopt.SURFACES]
    if dataset not in known:
        raise UsageError(f"There is no dataset or surface {dataset!r}.", nearest(dataset, known))
    study = Study("try", chosen, (dataset,), blocks=1, draws=2, epochs=epochs, seed=seed)
    data = datasets.load(dataset)
    plan = budget(data, study)
    names = [arm.name for arm in study.arms]
    made = [arm.kind() for arm in study.arms]
    with one_thread():
        training = dlopt.train(
            plan.model,
            data.block(0, seed=seed),
            made,
            batch_size=plan.batch_sizes[0],
            epochs=plan.epochs,
        )
    curves = pd.DataFrame(training.curves.validation_loss, columns=names)
    curves.insert(0, "examples", training.curves.examples)
    errors = dict(zip(names, training.test_errors.tolist(), strict=True))
    if as_json:
        return document(dataset=dataset, test_error=errors, curves=_records(curves))
    few = curves.iloc[np.unique(np.linspace(0, len(curves) - 1, 12).round().astype(int))]
    best = "; ".join(f"{name} {error:.4f}" for name, error in errors.items())
    unit = "share misclassified" if data.n_classes else "RMSE in training standard deviations"
    return (
        f"{dataset}: {plan.epochs} epochs, batch size {plan.batch_sizes[0]}, all at their defaults.\n"
        f"Validation loss by examples seen:\n\n{few.to_string(index=False, float_format='{:.4f}'.format)}\n\n"
        f"Test error at the best checkpoint ({unit}): {best}.\n"
        "One training each says little: `python -m studies run` repeats the whole search in blocks."
    )


def _walk(name: str, optimizers: tuple[str, ...], steps: int, seed: int, *, as_json: bool) -> Any:
    whole_number("epochs (of a surface: steps)", steps, 1, 1_000_000)
    arms = Study("try", optimizers, ("wine",)).arms  # which names the unknown ones
    ground = dlopt.SURFACES[name]()
    walk = dlopt.descend(ground, [arm.kind() for arm in arms], steps=steps, seed=seed)
    heights = pd.DataFrame(walk.values, columns=[arm.name for arm in arms])
    heights.insert(0, "step", range(steps + 1))
    if as_json:
        return document(surface=name, heights=_records(heights))
    few = heights.iloc[np.unique(np.geomspace(1, steps + 1, 14).round().astype(int)) - 1]
    ends = zip(heights.columns[1:], walk.params[-1], strict=True)
    ended = "; ".join(
        f"{arm} ({', '.join(f'{x:.3g}' for x in place[:3])}{'…' * (len(place) > 3)})" for arm, place in ends
    )
    return (
        f"{name}: {steps} steps, all at their defaults.\n\n"
        f"{drawing.draw(ground, walk.params, [arm.name for arm in arms])}Height by step:\n\n"
        f"{few.to_string(index=False, float_format='{:.6g}'.format)}\n\nThey end at: {ended}.\n"
        "Exact, for there is no noise. Other rates: `dlopt.descend` walks with any optimizer."
    )


def calibration(size: str, out: Path, jobs: int, *, as_json: bool) -> Any:
    """Studies of equal things. Raises FailedError where too many of them were called different."""

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    table = calibrate(size, out, jobs, say)
    wrong = table[(table.kind == "equal") & (table.status == "missed")]
    if len(wrong):
        bad = wrong.iloc[0]
        raise FailedError(
            f"{bad.found} of {bad.studies} studies ({bad.question} of {bad.subject}) raised a false alarm "
            f"in the reading {bad.reading}, which speaks against a level of {bad.level:g}.",
            f"Do not believe calls of this version; look into {out / size}.",
        )
    if as_json:
        return document(calibration=_records(table))
    return "\n".join(
        f"{r.question}, {r.subject}, {r.datasets.replace(',', ' ')}, {r.blocks} blocks, {r.reading} at "
        f"{r.level:.2g}: {r.found} of {r.studies}, {r.rate:.1%} [{r.low:.1%}, {r.high:.1%}] {r.status}"
        for r in table.itertuples()
    )
