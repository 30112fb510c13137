"""Files that a kill at any moment leaves whole, and JSON and TOML of which nothing is believed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

LARGEST_JSON = 64_000_000  # bytes: a note of hundreds of pictures takes a tenth of it
STALE = 3600.0  # seconds: no file takes so long, and its process's number may be another one's by now
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # errors that free space mends
_unfinished: set[Path] = set()  # temporary files that this process writes just now
_swept: set[tuple[Path, str]] = set()  # folders, and whose file of them, that this process swept
_begins = threading.RLock()  # a file is begun; taken for good by the thread that ends the process


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a kill at any moment leaves the old one or the new one, never a part.

    Its folder is made. Raises OSError, with the file's name, where it cannot be written; then, and when
    the process is interrupted, no temporary file stays. What a kill leaves, `sweep` removes.
    """
    temporary = path.with_name(f".{_short(path.name)}.{os.getpid()}-{threading.get_ident()}.part")
    with named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _unfinished.add(temporary)
        try:
            with _begins:
                file = temporary.open("wb")
            with file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        finally:
            _unfinished.discard(temporary)
        with contextlib.suppress(OSError):  # some file systems cannot
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _short(name: str) -> str:
    """A name of which so much is left that something can be added to it."""
    return os.fsencode(name)[:100].decode(errors="ignore")


def abandon() -> None:
    """Remove the temporary files of this process, which is about to end without a word to its functions.

    Those of helpers too that had to be killed, in folders that were swept before. From then on no other
    thread begins one.
    """
    _begins.acquire(timeout=1)  # no open file system takes so long
    for path in list(_unfinished):
        with contextlib.suppress(OSError):
            path.unlink()
    for folder, of in list(_swept):
        with contextlib.suppress(OSError):  # its folder is gone: no reason to stay
            sweep(folder, of=of)


def sweep(folder: Path, whose: Literal["the dead's", "anybody's"] = "the dead's", *, of: str = "") -> None:
    """Remove what killed processes left in a folder: temporary files of processes that are gone, or all.

    of: the one file whose temporary files are meant, in a folder that belongs to others too.
    """
    _swept.add((folder, of))
    for path in folder.glob(".*.part"):
        known = re.fullmatch(r"\.(.+)\.(\d+)-\d+\.part", path.name)
        if not known or (of and known[1] != _short(of)):
            continue
        with contextlib.suppress(OSError):  # read-only, or another one was quicker
            old = time.time() - path.stat().st_mtime > STALE
            if whose == "anybody's" or old or not _alive(int(known[2])):
                path.unlink()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Let an error of the system inside name the file, which one of a full disk does not."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def checksum(content: bytes) -> str:
    """The first 16 digits of the sha256."""
    return hashlib.sha256(content).hexdigest()[:16]


def read_json(path: Path, most: int = LARGEST_JSON) -> Any:
    """What a JSON file holds.

    Raises OSError where it cannot be read, ValueError for what is no JSON, is nested too deeply to be read
    or is larger than `most` bytes.
    """
    return parsed(read_regular(path, most))


def parsed(content: bytes | str) -> Any:
    """What JSON text holds.

    Raises ValueError, also for NaN, for half a sign (a lone surrogate) and for what is nested too deeply.
    """
    try:
        found = json.loads(content, parse_constant=_no_number)
        if b"\\u" in content if isinstance(content, bytes) else "\\u" in content:
            json.dumps(found, ensure_ascii=False).encode()  # which no half a sign survives
        return found
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def there(path: Path) -> str:
    """Whether a path is a "file" or a "folder"; "" for anything else, and for what can be no name."""
    with contextlib.suppress(OSError, ValueError):
        return "file" if path.is_file() else "folder" if path.is_dir() else ""
    return ""


def read_regular(path: Path, most: int) -> bytes:
    """A regular file's bytes. Raises OSError; ValueError for a device, a pipe, more than `most` bytes."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ValueError("it is no regular file")
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it is larger than {most:,} bytes")
    return content


def free_space(path: Path) -> int:
    """Bytes free where the folder lies."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def short(value: object, most: int = 40) -> str:
    """A value as text, cut where it is long."""
    text = str(value) if not isinstance(value, int) or abs(value) < 10**most else "a number of many digits"
    return text if len(text) <= most else f"{text[:most]}…"
