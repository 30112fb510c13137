"""Pictures of a run that were drawn before, by the same code of the same tables: they need no drawing."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import platform
from pathlib import Path

from reports.pictures import Picture
from reports.tables import Run

NAME = "made.json"  # beside the pictures: what they were made of, their SVG, what is in their PNG
DRAWN_BY = ("matplotlib", "seaborn", "pandas", "numpy")


def find(run: Run) -> dict[str, Picture]:
    """The pictures by their names on the page; none where anything has changed or is damaged."""
    folder = run.path / "figures"
    try:
        made = json.loads((folder / NAME).read_text("utf-8"))
        if made["of"] != _tied(run):
            return {}
        found = {}
        for name, (file, svg, known) in made["pictures"].items():
            png = (folder / file).read_bytes()
            if hashlib.sha256(png).hexdigest() == known:
                found[name] = Picture(svg, png)
        return found
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def note(run: Run, pictures: dict[str, tuple[str, Picture]]) -> bytes:
    """What `find` reads. pictures: by their names on the page, each with the name of its part."""
    lines = {
        name: [f"{part}.png", one.svg, hashlib.sha256(one.png).hexdigest()]
        for name, (part, one) in pictures.items()
    }
    return json.dumps({"of": _tied(run), "pictures": lines}).encode()


def _tied(run: Run) -> str:
    """All that a picture is made of: the run as it was read, this room, what it draws with."""
    parts = [run.hashes, run.manifest, run.machine, _code()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@functools.cache
def _code() -> list[str]:
    files = sorted(Path(__file__).parent.rglob("*.py"))
    room = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    versions = [f"{name} {importlib.metadata.version(name)}" for name in DRAWN_BY]
    return [room, *versions, platform.python_version()]
