"""A shared database, given by a URL that nobody may see: never log, pickle or print a storage."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studies.errors import UsageError, masked

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from sqlalchemy import URL

FORM = "postgresql://user:***@host/database"


def _text(storage: str) -> str:
    if storage.startswith("env:"):
        name = storage.removeprefix("env:")
        if name in os.environ:
            return os.environ[name].strip()
        raise UsageError(f"There is no environment variable {name}.", f"Set it: export {name}={FORM}")
    if "://" in storage:
        return storage
    if not Path(storage).is_file():
        remedy = (
            f"Did you mean env:{storage}?"
            if storage in os.environ
            else f"Give a file that holds a URL like {FORM}, or env:NAME."
        )
        raise UsageError(f"There is no file {storage}.", remedy)
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


def shown(url: URL) -> str:
    """The URL with *** for its password."""
    return masked(url.render_as_string())


def _reason(error: BaseException) -> str:
    cause = error.__context__ or error  # not __cause__, which joblib replaces with a traceback
    told = str(getattr(cause, "orig", None) or cause).strip() or type(cause).__name__
    return masked(told.splitlines()[0].rstrip("."))


@contextmanager
def opened(url: URL) -> Iterator[RDBStorage]:
    """Optuna's storage there, closed at the end. Raises UsageError when the database does not play along."""
    from optuna.exceptions import OptunaError
    from optuna.storages import RDBStorage
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
    try:  # the storage gets our connections, so it need not know the URL
        yield RDBStorage(f"{url.drivername}://", {"pool": engine.pool})
    except (SQLAlchemyError, OptunaError, RuntimeError) as error:  # the last: tables of another Optuna
        raise UsageError(
            f"{shown(url)} cannot be used: {_reason(error)}.",
            "See that the server runs and that host, user, password and database are right.",
        ) from None
    finally:
        engine.dispose()
