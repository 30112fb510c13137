"""A shared database, given by a URL that nobody may see: never log, pickle or print a storage."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar, cast

from studies.errors import UsageError, masked

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from sqlalchemy import URL
    from sqlalchemy.pool import Pool

FORM = "postgresql://user:***@host/database"
PATIENCE = 30.0  # seconds without an answer
PAUSES = (1.0, 4.0)  # seconds before what a restart of the server has ended is tried again
T = TypeVar("T")


def _text(storage: str) -> str:
    """What holds the URL. No sentence repeats what is no name: it may be a password."""
    remedy = f"Give a file that holds a URL like {FORM}, or env:NAME."
    if storage.startswith("env:"):
        name = storage.removeprefix("env:")
        if name in os.environ:
            return os.environ[name].strip()
        raise UsageError(
            "--storage names an environment variable that is not set.", f"Set it: export NAME={FORM}"
        )
    if "://" in storage:
        return storage
    if storage in os.environ:
        raise UsageError(f"There is no file {storage}.", f"Did you mean env:{storage}?")
    try:
        there = Path(storage).is_file()
    except OSError:  # as of a name that is too long
        there = False
    if not there:
        raise UsageError("--storage names no file, no variable and no URL.", remedy)
    return Path(storage).read_text(errors="replace").strip()


def read(storage: str) -> URL:
    """The URL that is meant: by env:NAME, by the name of a file, or itself. Raises UsageError."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    text = _text(storage)
    try:
        if text.count("@") > 1:
            raise ValueError
        url = make_url(text)
        if url.drivername in ("postgres", "postgresql"):
            url = url.set(drivername="postgresql+psycopg")
        url.get_dialect()
        if url.get_backend_name() not in ("postgresql", "sqlite"):
            raise ValueError
    except (ArgumentError, ValueError):
        where = "--storage is" if text == storage else f"{storage} holds"
        raise UsageError(
            f"{where} no URL of a database.",
            f"It looks like {FORM}; in the password %40 stands for an @, %2F for a slash.",
        ) from None
    return url


def exposed(storage: str, url: URL) -> bool:
    """Does the command line itself hold the password, where whoever lists processes can read it?"""
    return "://" in storage and not storage.startswith("env:") and "***" in shown(url)


def shown(url: URL) -> str:
    """The URL with *** for its password."""
    return masked(url.render_as_string())


def _reason(error: BaseException) -> str:
    cause = error.__cause__ or error
    told = str(getattr(cause, "orig", None) or cause).strip() or type(cause).__name__
    return masked(told.splitlines()[0].rstrip("."))


class _SilentError(Exception):
    """The server has not answered for PATIENCE seconds."""


class Server:
    """A database that may stop answering: what is asked of it is asked by threads that can be left behind."""

    def __init__(self, url: URL, pool: Pool) -> None:
        from sqlalchemy import event

        self._url, self._given_up = url, False
        for sign in ("connect", "checkin"):
            event.listen(pool, sign, self._heard)
        event.listen(pool, "checkout", self._ask)
        self.storage = self.ask(partial(_storage, url, pool))
        # from now on every statement that is answered is a sign of life
        event.listen(self.storage.engine, "after_cursor_execute", self._heard)

    def _heard(self, *_: object) -> None:
        self._last = time.monotonic()

    def _ask(self, *_: object) -> None:
        if self._given_up:  # and yet it goes on
            raise _SilentError

    def ask(self, task: Callable[[], T]) -> T:
        """What one task gives."""
        (result,) = self._each([task], 1)
        return result

    def write(self, tasks: Mapping[str, Callable[[bool], T]], threads: int = 1) -> Iterator[T]:
        """What tasks give that write a study each, by its name, as it comes.

        A task is done again, after a pause, where the server ended it, as one does that is started anew;
        it is told whether it is. Raises UsageError where another process writes the same study.
        """
        return self._each([partial(self._patiently, name, task) for name, task in tasks.items()], threads)

    def _each(self, tasks: Sequence[Callable[[], T]], threads: int) -> Iterator[T]:
        """What tasks give, as it comes. After an error those that have begun are ended, then it is raised."""
        waiting, done = SimpleQueue[Callable[[], T]](), SimpleQueue[tuple[T | None, BaseException | None]]()
        left, wrong = len(tasks), None
        for task in tasks:
            waiting.put(task)

        def work() -> None:
            while task := _next(waiting):
                try:
                    done.put((task(), None))
                except BaseException as error:
                    done.put((None, error))
                    return

        self._heard()
        for _ in range(min(threads, left)):
            threading.Thread(target=work, daemon=True).start()
        while left:
            result, error = self._answer(done)
            left -= 1
            if error is None:
                yield cast(T, result)
            elif wrong is None:
                wrong = error
                while _next(waiting):
                    left -= 1
        if wrong:
            raise wrong

    def _patiently(self, name: str, task: Callable[[bool], T]) -> T:
        from optuna.exceptions import DuplicatedStudyError, StorageInternalError
        from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError

        pauses, again = iter(PAUSES), False
        while True:
            try:
                return task(again)
            except (DuplicatedStudyError, IntegrityError, KeyError) as error:
                if isinstance(error, KeyError) and error.args != ("Record does not exist.",):
                    raise
                raise UsageError(
                    f"Another process is writing {name!r} into {shown(self._url)}.",
                    "Wait until it has ended, and run again.",
                ) from None
            except (DBAPIError, PendingRollbackError, StorageInternalError):
                pause = next(pauses, None)
                if pause is None:
                    raise
                time.sleep(pause)
                again = True

    def _answer(self, done: SimpleQueue[T]) -> T:
        while time.monotonic() - self._last < PATIENCE:
            with suppress(Empty):
                return done.get(timeout=min(0.2, PATIENCE))
        self._given_up = True
        raise _SilentError


def _next(queue: SimpleQueue[T]) -> T | None:
    with suppress(Empty):
        return queue.get_nowait()
    return None


def _storage(url: URL, pool: Pool) -> RDBStorage:
    """Optuna's storage; it gets our connections, so it need not know the URL."""
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import IntegrityError, ProgrammingError

    for pause in PAUSES:
        with suppress(IntegrityError, ProgrammingError):  # another process is making the tables
            return RDBStorage(f"{url.drivername}://", {"pool": pool})
        time.sleep(pause)
    return RDBStorage(f"{url.drivername}://", {"pool": pool})


@contextmanager
def opened(url: URL) -> Iterator[Server]:
    """The server with Optuna's storage there. Raises UsageError when it does not answer or play along."""
    from optuna.exceptions import OptunaError
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    options: dict[str, Any] = {}
    if url.get_driver_name() == "psycopg":  # its own default is over two minutes
        options["connect_args"] = {"connect_timeout": url.query.get("connect_timeout", 10)}
    try:
        engine = create_engine(url, **options)
    except ImportError:
        driver = url.get_driver_name()
        package = "psycopg[binary]" if driver == "psycopg" else driver
        raise UsageError(
            f"{shown(url)} needs the package {driver}, which is not installed.",
            f'Install it: .venv/bin/python -m pip install "{package}"',
        ) from None
    try:
        yield Server(url, engine.pool)
    except _SilentError:
        raise UsageError(
            f"{shown(url)} has not answered for {PATIENCE:g} s.",
            "See that the server runs, and run again: what is written is kept.",
        ) from None
    except (SQLAlchemyError, OptunaError, RuntimeError) as error:  # the last: tables of another Optuna
        raise UsageError(
            f"{shown(url)} cannot be used: {_reason(error)}.",
            "See that the server runs and that host, user, password and database are right.",
        ) from None
    finally:
        engine.dispose()
