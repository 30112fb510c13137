"""Optuna as people know it: the search rows as Optuna studies, for its dashboard and its importances.

A mirror, never the record: it is made from the tables, may be deleted, and holds no curves.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from studies.analysis.importances import searches, trials
from studies.errors import UsageError
from studies.folder.read import Tables
from studies.system.files import checksum
from studies.takehome import database

JOURNAL = "optuna.journal"


def _finished(run: Path) -> dict[str, tuple[str, list[Any]]]:
    """Title and trials of each study of a finished run, by the study's name."""
    tables = Tables(run)
    rows, optimizers = tables["rows"], tables["optimizers"]
    return {
        f"{dataset} · {name}": (optimizer.title, trials(group, optimizer, sizes))
        for dataset, name, group, optimizer, sizes in searches(rows, optimizers)
    }


def _add(storage: Any, name: str, title: str, made: list[Any], **attributes: str) -> None:
    import optuna

    study = optuna.create_study(study_name=name, storage=storage)
    for key, value in (attributes | {"optimizer": title}).items():
        study.set_user_attr(key, value)
    study.add_trials(made)


def write(run: Path) -> tuple[Path, list[str]]:
    """Make the mirror of a finished run anew: a journal file with one study per (dataset, optimizer).

    Returns the file and the studies' names. Raises UsageError for a run without readable tables.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    studies = _finished(run)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = run / JOURNAL
    for leftover in run.glob(f"{JOURNAL}*"):
        leftover.unlink()
    storage = JournalStorage(JournalFileBackend(str(path)))
    for name, (title, made) in studies.items():
        _add(storage, name, title, made)
    return path, list(studies)


def write_into(storage: str, run: Path, tell: Callable[[str], None]) -> tuple[str, list[str]]:
    """Make the mirror of a finished run anew in a database that others share.

    Its studies are named after the run's folder and say where they come from: only such are replaced, and
    those that hold the same trials already are left alone. An empty study says so until all are written.
    storage: see `database.read`. tell hears of each study written. Returns the URL without its password, and
    the studies' names. Raises UsageError.
    """
    import optuna

    url, origin = database.read(storage), f"{socket.gethostname()}:{run.resolve()}"
    if database.exposed(storage, url):
        tell("Others can read the password in the list of processes: put the URL in a variable, env:NAME.")
    studies = {f"{run.resolve().name}: {name}": content for name, content in _finished(run).items()}
    digests = {name: _digest(made) for name, (_, made) in studies.items()}
    # while it is there, empty studies of these names are ours
    mark = f"{run.resolve().name} (unfinished, {checksum(origin.encode())})"
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    with database.opened(url) as server:
        there = server.storage
        summaries = server.ask(lambda: optuna.get_all_study_summaries(there, include_best_trial=False))
        held = {one.study_name: (one.user_attrs, one.n_trials) for one in summaries}
        missing = []
        for name, (_, made) in studies.items():
            attributes, count = held.get(name, ({}, 0))
            if (attributes.get("digest"), count) == (digests[name], len(made)):
                continue
            begun = mark in held and not attributes and not count
            if name in held and not begun and attributes.get("run") != origin:
                raise UsageError(
                    f"The database has another {name!r}, from {attributes.get('run', 'an unknown place')}.",
                    f"Delete that study, or mirror a copy of the run: cp -r '{run}' '{run}-2'",
                )
            missing.append(name)

        def there_is(name: str, again: bool) -> bool:
            return name in (optuna.get_all_study_names(there) if again else held)

        def begin(again: bool) -> None:
            if not there_is(mark, again):
                optuna.create_study(study_name=mark, storage=there)

        def end(_: bool) -> None:
            if there_is(mark, again=True):
                optuna.delete_study(study_name=mark, storage=there)

        def put(name: str, again: bool) -> str:
            if there_is(name, again):
                optuna.delete_study(study_name=name, storage=there)
            _add(there, name, *studies[name], run=origin, digest=digests[name])
            return f"{name}: {len(studies[name][1])} trials"

        if missing:
            list(server.write({mark: begin}))
        threads = 1 if url.get_backend_name() == "sqlite" else 8  # a trial is some 30 round trips
        for line in server.write({name: partial(put, name) for name in missing}, threads):
            tell(line)
        if missing or mark in held:
            list(server.write({mark: end}))
    return database.shown(url), list(studies)


def _digest(made: list[Any]) -> str:
    content = [(one.value, one.params, one.distributions, one.user_attrs) for one in made]
    return hashlib.sha256(repr(content).encode()).hexdigest()
