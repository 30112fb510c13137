"""A file's bytes: plain, or unpacked from .gz, .bz2, .xz and .zip."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from datasets.sentences import shown

OPENERS: dict[str, Callable[[Path, str], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
HEAD = 262_144  # bytes that tell what a file is


def head(path: Path) -> bytes:
    """The first bytes, after all that is packed was unpacked once: no later reading meets a broken place."""
    try:
        with path.open("rb") as handle:
            first = handle.read(HEAD)
    except OSError as error:
        mine = f"Give yourself the right: chmod u+r {shown(str(path))}"
        remedy = mine if error.errno == errno.EACCES else "Copy it to another disk, and read that."
        raise ValueError(f"{shown(path.name)} may not be read ({error.strerror}).\n{remedy}") from None
    if path.suffix.lower() not in (*OPENERS, ".zip"):
        return first
    try:
        inside = _inside(path)
        if len(inside) == 1:
            with opened(path) as handle:
                first = handle.read(HEAD)
                while handle.read(2**20):
                    pass
    except Exception as error:  # each kind of packing has its own errors, and zip files some ten
        why = shown(str(error)) or type(error).__name__
        raise ValueError(
            f"{shown(path.name)} cannot be unpacked ({why}).\nCompress it again, or unpack it first."
        ) from None
    if len(inside) != 1:
        raise ValueError(
            f"{shown(path.name)} holds {len(inside)} files, and one table is wanted.\n"
            "Unpack it; a folder of tables is read as one study."
        )
    return first


def _inside(path: Path) -> list[str]:
    """The files in an archive; the file itself where it is none."""
    if path.suffix.lower() != ".zip":
        return [path.name]
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return [one for one in names if not one.endswith("/") and not one.startswith("__MACOSX")]


def opened(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked."""
    if path.suffix.lower() != ".zip":
        return cast("IO[bytes]", OPENERS.get(path.suffix.lower(), Path.open)(path, "rb"))
    return zipfile.ZipFile(path).open(_inside(path)[0])
