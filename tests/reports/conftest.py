"""One small real run for all tests of the room, and a way to bend copies of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from studies import Study, run
from studies.folder.records import as_parquet
from studies.folder.run_folder import arranged
from studies.folder.schema.tables import TABLES
from tests.support.bending import Bend, Edit
from tests.support.sealed import seal


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three optimizers, a classification and a regression task, eight blocks: half a second of training."""
    study = Study(
        name="small",
        optimizers=("sgd", "momentum", "adam"),
        datasets=("wine", "diabetes"),
        blocks=8,
        fresh=8,
        draws=4,
        epochs=3,
    )
    return run(study, out=tmp_path_factory.mktemp("runs") / "small", jobs=1).path


@pytest.fixture
def bend(real: Path, tmp_path: Path) -> Bend:
    """Copy the run, change its tables and manifest in place, give the copy's folder."""

    def make(edit: Edit) -> Path:
        folder = tmp_path / f"bent{len(list(tmp_path.iterdir()))}"
        (folder / "tables").mkdir(parents=True)
        shutil.copy(real / "machine.json", folder)
        frames = {path.stem: pd.read_parquet(path) for path in sorted((real / "tables").glob("*.parquet"))}
        manifest = json.loads((real / "manifest.json").read_text())
        edit(frames, manifest)
        for name, frame in frames.items():
            table = arranged(TABLES[name], frame)
            (folder / "tables" / f"{name}.parquet").write_bytes(as_parquet(table, "zstd"))
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return seal(folder)

    return make
