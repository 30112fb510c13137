"""Optimizers that are not the suite's own: of a file, "path.py:Class", of an installed package, or foreign.

Such a file is code and runs as such. Its optimizer is known by its class's name in lower case, with "own-"
before it where a built-in one has that name; what it is tied to is the sha256 of its file, or its package's
name and version. Foreign ones are those of torch and optax: see `studies.question.foreign`.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import dlopt
from dlopt.testing import problems
from dlopt.wrapping import is_wrapper
from studies.errors import UsageError, nearest
from studies.folder.schema.notes import ArmSpec
from studies.question import foreign
from studies.system import interrupts
from studies.system.files import read_regular, write_atomically
from studies.system.machine import environment

GROUP = "dlopt.optimizers"  # of entry points
LARGEST = 10_000_000  # bytes of a file
PATIENCE = 60.0  # seconds that loading and checking may take, and any step


def find(uses: str) -> Any:
    """The class of a built-in name, an installed one, "path.py:Class" or a foreign one.

    Raises UsageError for none.
    """
    if uses in dlopt.OPTIMIZERS:
        return dlopt.OPTIMIZERS[uses]
    if foreign.is_one(uses):
        return foreign.kind(uses)
    path, name = file(uses)
    if path:
        classes = _classes(path, digest(path))
        if name not in classes:
            raise UsageError(f"{path} has no optimizer {name!r}.", nearest(name, list(classes)))
        return classes[name]
    entry = installed().get(uses)
    if entry is None:
        raise UsageError(f"There is no optimizer {uses!r}.", nearest(uses, [*dlopt.OPTIMIZERS, *installed()]))
    return entry.load()


def called(uses: str) -> str:
    """The name in all tables: the class's in lower case, with "own-" before it if a built-in one has it.

    Of a foreign one with its package before it.
    """
    if foreign.is_one(uses):
        return foreign.called(uses)
    name: str = find(uses).__name__.lower()
    return f"own-{name}" if name in dlopt.OPTIMIZERS and uses not in dlopt.OPTIMIZERS else name


def file(uses: str) -> tuple[str, str]:
    """The path and the class of "path.py:Class" or "path.py"; two empty strings for any other name."""
    if foreign.is_one(uses):
        return "", ""
    path, _, name = (uses, "", "") if uses.endswith(".py") else uses.rpartition(":")
    return (path, name) if path.endswith(".py") else ("", "")


def named_file(text: str) -> tuple[str, str]:
    """The name and the rest of "name=path.py" or "name=torch:..."; no name for any other text."""
    name, equals, path = text.partition("=")
    given = (equals and path.endswith(".py")) or ".py:" in path or foreign.is_one(path)
    if (
        not given
        or not name
        or set("/.\\:") & set(name)
        or ((whole := file(text)[0]) and Path(whole).exists())
    ):
        return "", text
    return name, path


def source(uses: str) -> str:
    """What a class is tied to: "" for the suite's own, else its file's sha256 or its package's version."""
    if uses in dlopt.OPTIMIZERS:
        return ""
    if foreign.is_one(uses):
        return foreign.source(uses)
    path, _ = file(uses)
    if path:
        return digest(path)
    package = installed()[uses].dist
    return f"{package.name} {package.version}" if package else uses


def whose(uses: str) -> str:
    """In a word, of one that is not the suite's: "own", or the package of a foreign one."""
    return foreign.read(uses).package if foreign.is_one(uses) else "own"


def shown(uses: str) -> str:
    """How a sentence calls it: a file without its folder."""
    return Path(uses).name if file(uses)[0] else uses


def unseen(text: str) -> bool:
    """Is it to be looked into by a process of its own, before anything of it runs here?"""
    return bool(file(text)[0]) or foreign.is_one(text)


def readable(text: str) -> None:
    """Raises UsageError for a file that cannot be read, and for what is no call of a foreign one."""
    if foreign.is_one(text):
        foreign.read(text)
    else:
        digest(file(text)[0])


def digest(path: str | Path) -> str:
    """The sha256 of a file. Raises UsageError for one that cannot be read."""
    try:
        return hashlib.sha256(read_regular(Path(path), LARGEST)).hexdigest()
    except (OSError, ValueError) as error:  # the latter of a name with a NUL too
        why = getattr(error, "strerror", error)
        raise UsageError(f"{path} cannot be read ({why}).", "Name a Python file.") from None


def keep(uses: str, folder: Path) -> None:
    """Keep a copy of a file in a run folder, for the day when it is changed or gone."""
    path, _ = file(uses)
    if path and not gone(uses):
        copy = _copy(Path(path), digest(path), folder)
        if not copy.exists():
            write_atomically(copy, Path(path).read_bytes())


def kept(spec: ArmSpec, folder: Path) -> ArmSpec:
    """The spec of an arm, with the run's own copy in place of a file that is gone or holds it no more."""
    path, name = file(spec.get("file", ""))
    if not path or _serves(path, name, spec["source"]):
        return spec
    name_there = gone(spec["file"]) or Path(path).name
    copy = _copy(Path(name_there), spec["source"], folder.resolve())
    return cast("ArmSpec", {**spec, "file": f"{copy}:{name}"}) if copy.is_file() else spec


def _serves(path: str, name: str, sha256: str) -> bool:
    """Is the file as it was, or as good after a change?"""
    return Path(path).is_file() and ((now := digest(path)) == sha256 or _holds(path, name, now))


@functools.lru_cache(maxsize=32)
def _holds(path: str, name: str, sha256: str) -> bool:
    return "error" not in _asked(str(Path(path).resolve()), name)


def gone(uses: str) -> str:
    """The name of the file that a run's copy stands for; "" for any other."""
    stem, dash, tail = Path(file(uses)[0]).stem.rpartition("-")
    return f"{stem}.py" if dash and len(tail) == 64 and set(tail) <= set("0123456789abcdef") else ""


def _copy(path: Path, sha256: str, folder: Path) -> Path:
    return folder / "optimizers" / f"{path.stem}-{sha256}.py"


@contextlib.contextmanager
def limited(kind: Any) -> Iterator[None]:
    """Inside, an update of this class that does not return raises TimeoutError. Main threads only."""
    if threading.current_thread() is not threading.main_thread():  # which alone hears signals
        yield
        return
    update, inherited = kind.update, "update" not in vars(kind)
    began = [0.0, 0.0]  # processor time at the step's start, alarms that it slept through

    @functools.wraps(update)
    def timed(*arguments: Any) -> Any:
        began[:] = time.process_time(), 0
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
        try:
            return update(*arguments)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def ring(*_: Any) -> None:
        if time.process_time() - began[0] < PATIENCE / 2 and began[1] < 1:  # stopped by Ctrl-Z, or asleep
            began[1] += 1
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)
            return
        raise TimeoutError(f"a step took longer than {PATIENCE:.0f} s")

    before = signal.signal(signal.SIGALRM, ring)
    kind.update = timed
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)
        if inherited:
            del kind.update
        else:
            kind.update = update


def named(text: str) -> str:
    """The "path.py:Class" behind "path.py" or "path.py:Class", or a foreign one, checked; others as they are.

    Raises UsageError for a file that cannot be loaded, has no optimizer or several, takes the name of a
    built-in one, or does not keep to the contract; for a foreign one that is not there or cannot train; and
    where that takes more than a minute.
    """
    if foreign.is_one(text):
        call = foreign.read(text)
        answer = _asked(text, "")
        if "error" in answer:
            raise UsageError(answer["error"], answer["remedy"])
        return call.text
    path, name = file(text)
    if not path:
        find(text)
        return text
    digest(path)
    if name and not name.isidentifier():
        raise UsageError(f"{path} has no optimizer {name!r}.", "Name a class of it.")
    answer = _asked(str(Path(path).resolve()), name)
    if "error" in answer:
        raise UsageError(answer["error"], answer["remedy"])
    return f"{Path(path).resolve()}:{answer['name']}"


def _asked(path: str, name: str) -> dict[str, Any]:
    """What a process of its own finds in a file, or of a foreign one, which may do anything, or never end."""
    command = [
        sys.executable,
        "-m",
        "studies.question.user_optimizer",
        path,
        name,
        str(os.getpid()),
    ]
    how: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    how |= {"stdin": subprocess.DEVNULL, "env": environment()}
    try:
        with interrupts.child(command, **how) as process:
            out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return {
            "error": f"{path} was still loading or being checked after {PATIENCE:.0f} s.",
            "remedy": "A step of an optimizer takes microseconds: look for a loop that never ends.",
        }
    try:
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
        return found
    except (IndexError, ValueError):
        last = (err.strip().splitlines() or ["it said nothing"])[-1]
        return {
            "error": f"{path} ended Python with exit code {process.returncode}: {last}.",
            "remedy": "An optimizer's file declares a class and ends nothing.",
        }


def look(path: str, name: str = "") -> dict[str, Any]:
    """The class in a file by name, or what is wrong with it or a foreign one, as plain data."""
    try:
        if foreign.is_one(path):
            foreign.look(path)
            return {"name": name}
        classes = _classes(path, digest(path))
        if not classes:
            raise UsageError(f"{path} has no optimizer.", "Write a class that derives from dlopt.Optimizer.")
        if name and name not in classes:
            raise UsageError(f"{path} has no optimizer {name!r}.", nearest(name, list(classes)))
        if not name and len(classes) > 1:
            raise UsageError(
                f"{path} has {len(classes)} optimizers: {', '.join(classes)}.",
                f"Name one of them: {path}:{next(iter(classes))}",
            )
        name = name or next(iter(classes))
        found = problems(classes[name])
        if found:
            raise UsageError(
                f"{name} has {len(found)} problem{'s' * (len(found) > 1)}: {' '.join(found)}",
                f"Mend it; see it again: python -m studies check {path}:{name}",
            )
    except UsageError as error:
        sentence, _, remedy = str(error).partition("\n")
        return {"error": sentence, "remedy": remedy}
    return {"name": name}


@functools.lru_cache(maxsize=32)
def _classes(path: str, sha256: str) -> dict[str, Any]:
    """The optimizers that a file defines, by name."""
    spec = importlib.util.spec_from_file_location(f"own_{sha256[:16]}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no Python file.", "Name one that ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UsageError(
            f"{path} has a syntax error in line {error.lineno}: {error.msg}.", "Mend it."
        ) from None
    except UsageError:
        raise
    except (Exception, SystemExit) as error:  # whatever a user's file raises
        raise UsageError(f"{path} cannot be loaded ({type(error).__name__}: {error}).", "Mend it.") from None
    return {
        name: thing
        for name, thing in vars(module).items()
        if isinstance(thing, type) and issubclass(thing, dlopt.Optimizer) and thing.__module__ == spec.name
        if not is_wrapper(thing)
    }


@functools.cache
def installed() -> dict[str, Any]:
    """The entry points of optimizers that installed packages offer, by name."""
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=GROUP)}


if __name__ == "__main__":
    interrupts.watch_parent(int(sys.argv[3]))
    print(json.dumps(look(*sys.argv[1:3])))
