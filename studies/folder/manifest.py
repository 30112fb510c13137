"""The manifest of a run: what was asked of it, the question it answers, and what may be asked next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studies.errors import UsageError
from studies.folder import older
from studies.folder.schema.notes import MANIFEST, ArmSpec, Asked, Manifest, Question, misfit
from studies.folder.schema.tables import FORMAT
from studies.system import files

NAME = "manifest.json"
USUAL_FRESH = 20  # which older runs have without saying so


def as_json(content: Mapping[str, Any]) -> bytes:
    """How the JSON files of a run are written."""
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()


def read_manifest(path: Path) -> Manifest:
    """The manifest of a run folder. Raises UsageError where there is none that this version reads."""
    return read_both(path)[0]


def read_both(path: Path) -> tuple[Manifest, bytes]:
    """The manifest and the bytes in which it is written."""
    file = path / NAME
    try:
        content = files.read_regular(file, files.LARGEST_JSON)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            f"{path} is no run folder: it has no {NAME}.",
            "Name a folder below runs/, or make one: make study",
        ) from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}).", "Choose another folder.") from None
    except ValueError as error:
        raise _foreign(file, str(error)) from None
    try:
        manifest = files.parsed(content)
    except ValueError as error:
        raise _foreign(file, f"it is no JSON ({error})") from None
    shape = manifest.get("format") if isinstance(manifest, dict) else None
    if shape in older.FORMATS and not isinstance(shape, bool) and isinstance(manifest.get("question"), dict):
        if shape == older.FORMATS[0]:
            manifest["question"].setdefault("fresh", USUAL_FRESH)
    elif isinstance(shape, int) and not isinstance(shape, bool) and shape != FORMAT:
        newer = shape > FORMAT
        raise UsageError(
            f"{path} was written by {'a newer' if newer else 'an older'} version "
            f"(format {files.short(shape)}; this one reads {older.FORMATS[0]} to {FORMAT}).",
            f"{'Update dlopt' if newer else 'Run its study again'}, or choose another folder.",
        )
    if wrong := misfit(manifest, MANIFEST):
        raise _foreign(file, wrong)
    return manifest, content


def _foreign(file: Path, why: str) -> UsageError:
    return UsageError(f"{file} is no manifest of this suite: {why}.", "Choose another folder.")


def known_manifest(path: Path) -> Manifest | None:
    """The manifest of a run folder; None where there is none yet, or no way to look."""
    try:
        there = (path / NAME).exists()
    except OSError:  # which `open_run` words
        return None
    return read_manifest(path) if there else None


def agreed(path: Path, asked: Asked, question: Question) -> Manifest:
    """The manifest that holds both what a folder has and what is asked, the folder's being there or not.

    asked: the optimizers, datasets and blocks that are wanted, which a run may add to; question: all else
    that determines results, which must be what the folder was made with. Raises UsageError for a file, a
    folder of something else, or one of another question.
    """
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file, and a run needs a folder.", "Choose another folder with --out.")
    if not (path / NAME).exists():
        found = list(path.iterdir()) if path.exists() else []
        others = sorted(p.name for p in found if p.name != "lock" and not p.name.startswith("."))
        if others:
            raise UsageError(
                f"{path} holds something that is not a run ({', '.join(others[:3])}).",
                "Choose another folder with --out.",
            )
        return {"format": FORMAT, "asked": asked, "question": question, "changes": []}
    old = read_manifest(path)
    if old["format"] != FORMAT:
        raise UsageError(
            f"{path} was written by an older version (format {old['format']}), and is read only.",
            f"Run its study again into another folder: --out {path}-2",
        )
    _refuse_other(path, old["question"], question)
    had = old["asked"]
    copies = str((path / "optimizers").resolve())
    specs = {
        name: had["optimizers"].get(name, spec) if str(spec.get("file", "")).startswith(copies) else spec
        for name, spec in asked["optimizers"].items()
    }
    for name, spec in asked["optimizers"].items():
        if name in had["optimizers"]:
            _refuse_other(path, _settled(had["optimizers"][name]), _settled(spec), f"{name}: ")
    both: Asked = {
        "name": asked["name"],
        "optimizers": {**had["optimizers"], **specs},  # a copy serves, and is not remembered
        "datasets": list(dict.fromkeys([*had["datasets"], *asked["datasets"]])),
        "blocks": max(had["blocks"], asked["blocks"]),
    }
    if tables := had.get("tables", {}) | asked.get("tables", {}):
        both["tables"] = tables
    return {"format": FORMAT, "asked": both, "question": question, "changes": old["changes"]}


def _settled(spec: ArmSpec) -> dict[str, Any]:
    """What of an arm may not change: its own file may, and then its rows train again."""
    return {key: value for key, value in spec.items() if key not in ("file", "source")}


def _refuse_other(path: Path, known: Mapping[str, Any], wanted: Mapping[str, Any], whose: str = "") -> None:
    """Raise UsageError with the first setting in which what is wanted differs from what is known."""
    before, now = _flat(known), _flat(wanted)
    for name in dict.fromkeys([*now, *before]):
        if before.get(name) != now.get(name):
            usual = ("no", "none") if whose else ("the usual", "the usual one")
            was = f"{name} = {before[name]!r}" if name in before else f"{usual[0]} {name}"
            wants = repr(now[name]) if name in now else usual[1]
            raise UsageError(
                f"{path} was made with {whose}{was}, and this run has {wants}.",
                f"Give the old value, or another folder: --out {path}-2",
            )


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        flat |= _flat(inner, f"{prefix}{name}.") if isinstance(inner, dict) else {f"{prefix}{name}": inner}
    return flat


NAMES_NO_QUESTION = ("name", "claims", "fresh", "against")  # of a question: what no row depends on
