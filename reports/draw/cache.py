"""Pictures that were drawn before, by the same code of the same numbers: they need no drawing."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.metadata
import json
import platform
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from reports.data.run import Run
from reports.draw.pictures import Order, Picture
from studies.system.files import read_json

NAME = "made.json"  # beside the pictures: what each was made of, its SVG, the checksum of both
DRAWN_BY = ("matplotlib", "contourpy", "pillow", "seaborn", "pandas", "numpy")


class Made(NamedTuple):
    """The pictures of a part of the page, and what they were made of."""

    part: str
    of: str
    pictures: Sequence[Picture]


def read(folder: Path) -> dict[str, Made]:
    """The pictures in a folder, by what they were made of; none where the note of them is damaged."""
    made = {}
    try:
        for part, of, panels, known in read_json(folder / NAME):
            pictures = [
                Picture(name, title, dataset, svg, (folder / _file(part, name)).read_bytes())
                for name, title, dataset, svg in panels
            ]
            if of and _checksum(pictures) == known:
                made[of] = Made(part, of, pictures)
    except (OSError, ValueError, TypeError, AttributeError):  # none, or damaged
        return {}
    return made


def _file(part: str, name: str) -> str:
    return f"{part}-{name}.png"


def _checksum(pictures: Sequence[Picture]) -> str:
    digest = hashlib.sha256()
    for *told, png in pictures:
        digest.update(json.dumps(told).encode())
        digest.update(png)
    return digest.hexdigest()


def files(parts: Sequence[Made]) -> dict[str, bytes]:
    """What is written into a folder: the PNGs, and the note that `read` reads."""
    note = [
        [part, of, [picture[:-1] for picture in pictures], _checksum(pictures)]
        for part, of, pictures in parts
    ]
    pngs = {_file(one.part, picture.name): picture.png for one in parts for picture in one.pictures}
    return pngs | {NAME: json.dumps(note).encode()}


def made_of(name: str, order: Order) -> str:
    """All that a part's pictures are made of: their words, what their drawing holds, this room, what it uses.

    "" where the drawing holds something that is none of a table, a run, or plain values.
    """
    digest = hashlib.sha256(f"{_code()}\n{name}\n{order.title}\n{order.description}\n".encode())
    try:
        for part in _content((order.draw, order.legend)):
            digest.update(part)
            digest.update(b"\0")
    except TypeError:
        return ""
    return digest.hexdigest()


def _content(value: Any) -> Iterator[bytes]:
    """The bytes of a value that tell it from another one. Raises TypeError for what has none here."""
    yield type(value).__name__.encode()
    match value:
        case None | bool() | int() | float() | str() | bytes() | np.generic():
            yield repr(value).encode()
        case pd.DataFrame():
            yield repr([*value.columns, *value.dtypes, len(value)]).encode()
            yield pd.util.hash_pandas_object(value).to_numpy().tobytes()
        case pd.Series() | pd.Index():
            yield repr([value.name, value.dtype, len(value)]).encode()
            yield pd.util.hash_pandas_object(value).to_numpy().tobytes()
        case np.ndarray() if value.dtype != object:
            yield repr([value.shape, value.dtype]).encode()
            yield value.tobytes()
        case Run() if value.hashes:  # its tables as they were read
            yield json.dumps([value.hashes, value.manifest, value.machine], sort_keys=True).encode()
        case Mapping():
            for pair in value.items():
                yield from _content(pair)
        case list() | tuple():
            yield str(len(value)).encode()
            for one in value:
                yield from _content(one)
        case functools.partial():
            yield from _content((value.func, value.args, value.keywords))
        case types.FunctionType():  # what it is named outside is code, or constant
            yield f"{value.__module__}.{value.__qualname__}".encode()
            held = [cell.cell_contents for cell in value.__closure__ or ()]
            yield from _content((held, value.__defaults__, value.__kwdefaults__))
        case _ if dataclasses.is_dataclass(value):
            yield from _content([getattr(value, field.name) for field in dataclasses.fields(value)])
        case _:
            raise TypeError(f"{type(value).__name__} says nothing of its content")


@functools.cache
def _code() -> str:
    files = sorted(Path(__file__).parents[1].rglob("*.py"))
    room = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    versions = [f"{name} {importlib.metadata.version(name)}" for name in DRAWN_BY]
    return "\n".join([room, *versions, platform.python_version()])
