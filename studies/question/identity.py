"""What a run folder is asked, and what ties a row to all that made it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import datasets
from studies.folder.manifest import NAMES_NO_QUESTION, known_manifest
from studies.folder.schema.notes import NETWORK, ArmSpec, Asked, Manifest, Question
from studies.question import engine, user_optimizer, user_table
from studies.question.arm import Arm, from_spec, written
from studies.question.study import USUAL, Study

RESULTS_VERSION = 4  # grows with every change that moves a number


def growing(study: Study) -> Asked:
    """What is asked of a run folder, which may grow from call to call."""
    asked: Asked = {
        "name": study.name,
        "optimizers": {arm.name: arm.spec() for arm in study.arms},
        "datasets": list(study.datasets),
        "blocks": cast(int, study.blocks),  # settled by now
    }
    if known := user_table.sources(study.datasets):
        asked["tables"] = known
    return asked


def question(study: Study) -> Question:
    """All that determines results beside what may grow; a folder answers one question."""
    asked: dict[str, Any] = {
        "name": study.name,
        "draws": study.draws,
        "fresh": study.fresh,
        "epochs": study.epochs or "rule",
        "widths": "rule" if study.widths is None else list(study.widths),
        "metric": study.metric,
        "seed": study.seed,
        "results_version": RESULTS_VERSION,
        "arithmetic": engine.bytes_of(study.engine),
    }
    asked |= {name: value for name in NETWORK if (value := getattr(study, name)) != USUAL[name]}
    asked |= {"claims": True} if study.claims else {}
    asked |= {"against": list(study.against)} if study.against else {}
    return cast("Question", asked)


def identity(study: Study, digest: str, arm: Arm, pick: Any = None) -> str:
    """What ties a row to all that made it: the question, data, arm, all declared fields, a pick.

    digest: of the data. An arm whose update is not compiled has the machine's arithmetic in it too.
    """
    asked = {key: value for key, value in question(study).items() if key not in NAMES_NO_QUESTION}
    own = engine.bytes_of_update(study.engine, arm.kind)
    parts = [asked, digest, arm.identity, arm.declared(), pick, own]
    parts += [files] if (files := [file for decay in arm.decays() if (file := written(decay))]) else []
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def settled(study: Study, path: Path, tell: Callable[[str], None]) -> Study:
    """The study with the blocks and the engine of an existing run, where it names none itself.

    tell: as `engine.ready` has it.
    """
    manifest = known_manifest(path)
    had = manifest["question"]["arithmetic"].get("engine", "") if manifest else ""
    study = study.settled(manifest["asked"]["blocks"] if manifest else None)
    return dataclasses.replace(study, engine=engine.ready(study.engine, had, tell))


def whole(study: Study, manifest: Manifest, path: Path) -> Study:
    """The study with all that its folder holds, whoever was asked for first."""
    had = manifest["asked"]
    user_table.again(had.get("tables", {}))
    return dataclasses.replace(
        study,
        optimizers=_arms(had["optimizers"], path),
        datasets=tuple(name for name in datasets.names() if name in had["datasets"]),
        blocks=had["blocks"],
    )


def held(folder: str | Path) -> Study | None:
    """The study that a run folder holds, with all that was ever changed about it, or None."""
    manifest = known_manifest(Path(folder)) if folder else None
    return study_of(manifest, Path(folder)) if manifest else None


def study_of(manifest: Manifest, folder: Path) -> Study:
    """The study behind a manifest of a run folder."""
    had, question = manifest["asked"], manifest["question"]
    user_table.again(had.get("tables", {}))
    epochs, widths = question["epochs"], question["widths"]
    network: dict[str, Any] = {key: value for key, value in question.items() if key in NETWORK}
    return Study(
        name=had["name"],
        optimizers=_arms(had["optimizers"], folder),
        datasets=tuple(had["datasets"]),
        blocks=had["blocks"],
        draws=question["draws"],
        fresh=question["fresh"],
        epochs=None if epochs == "rule" else epochs,
        seed=question["seed"],
        widths=None if widths == "rule" else tuple(widths),
        **network,
        metric=question["metric"],
        claims=question.get("claims", False),
        against=tuple(question.get("against", ())),
    )


def _arms(specs: dict[str, ArmSpec], folder: Path) -> tuple[Arm, ...]:
    return tuple(from_spec(name, user_optimizer.kept(spec, folder)) for name, spec in specs.items())
