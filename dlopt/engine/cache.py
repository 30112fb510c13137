"""Where compiled code is kept, so that it is compiled once: one folder for each state of its sources."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import llvmlite
import numba
from numba import config

from dlopt.engine.processor import LANES

HERE = Path(__file__).parent
FUNCTIONS = 3  # that Python calls, and that are kept
TEMPORARY = Path(tempfile.gettempdir())


def _sources() -> str:
    """What kept code hangs on: Numba itself sees no change in what a function calls."""
    digest = hashlib.sha256(f"{LANES} {numba.__version__} {llvmlite.__version__}".encode())
    for path in [*sorted(HERE.glob("*.py")), HERE.parent / "activations.py"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _places() -> Iterator[Path]:
    """Folders that may do, the best first: beside the packages, the user's cache, a temporary one."""
    if named := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(named)
    yield Path(sys.prefix) / "var" / "dlopt"
    home = os.environ.get("XDG_CACHE_HOME") or ("~/.cache" if os.environ.get("HOME") else "")
    if home:
        yield Path(home).expanduser() / "dlopt"
    yield TEMPORARY / f"dlopt-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"


def _own(path: Path) -> bool:
    """Can nobody else write there? Code from there is run."""
    known = path.stat()
    mine = not hasattr(os, "getuid") or known.st_uid == os.getuid()
    return mine and not known.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def folder() -> Path:
    """The folder of this state of the sources, in a place that is this user's own and can be written to."""
    for place in _places():
        with contextlib.suppress(OSError):
            found = place / _sources()
            found.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.access(found, os.W_OK) and _own(found) and (place.parent != TEMPORARY or _own(place)):
                return found
    return Path(tempfile.mkdtemp(prefix="dlopt-"))  # compiled anew by each process, and yet it runs


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Functions that Numba is given inside keep their code in `folder`."""
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder())
    try:
        yield
    finally:
        config.CACHE_DIR = before
