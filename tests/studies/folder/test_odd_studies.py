"""Whatever a folder holds is gone on with, and odd studies are read."""

import dataclasses

import numpy as np
import pytest

import datasets
from studies import run
from studies.catalog import STUDIES
from studies.cli.entry import main
from studies.cli.overrides import asked
from studies.errors import UsageError
from studies.folder.manifest import as_json
from studies.folder.read import Tables
from studies.folder.schema.tables import FORMAT
from studies.question import identity
from studies.question.arm import Arm
from tests.support.folders import COMMANDS
from tests.support.tiny import tiny


@pytest.mark.parametrize("name", STUDIES)
def test_a_run_goes_on_with_whatever_its_folder_holds(tmp_path, name):
    """What a manifest says of a named study, and of one in which all is unusual, is what is asked again."""
    unusual = {
        "epochs": 3,
        "widths": (5,),
        "activation": "tanh",
        "init": "glorot",
        "weight_decay": 0.1,
        "seed": 1,
    }
    for study in (STUDIES[name], dataclasses.replace(STUDIES[name], **unusual, metric="loss", draws=7)):
        settled = study.settled()
        (tmp_path / "manifest.json").write_bytes(
            as_json(
                {"format": FORMAT, "asked": identity.growing(settled), "question": identity.question(settled)}
                | {"changes": []}
            )
        )
        again = asked(None, {"out": str(tmp_path)}).study.settled()
        assert identity.growing(again) == identity.growing(settled)
        assert identity.question(again) == identity.question(settled)


ODD = {
    "two arms of one optimizer and one size": {
        "optimizers": (
            Arm("sgd", name="a", batch_sizes=(16,)),
            Arm("sgd", name="b", batch_sizes=(16,), decay="none"),
        )
    },
    "a rate that no float32 holds": {"optimizers": (Arm("sgd", fixed=(("lr", 1e39),)), "adam")},
    "a huge penalty": {"weight_decay": 1e301},
    "one optimizer": {"optimizers": ("sgd",)},
}


@pytest.mark.slow
@pytest.mark.parametrize("case", ODD)
def test_an_odd_study_is_read_and_gone_on_with(tmp_path, case):
    study = tiny(**({"datasets": ("wine",), "blocks": 2, "draws": 2} | ODD[case]))
    assert run(study, out=tmp_path / "run", jobs=1).trained
    Tables(tmp_path / "run").all()
    assert run(study, out=tmp_path / "run", jobs=1).trained == 0
    assert main([*COMMANDS["run"], str(tmp_path / "run")]) == 0


def test_a_dataset_with_a_name_that_tables_need_is_refused():
    X = np.random.default_rng(0).normal(size=(60, 2))
    with pytest.raises(UsageError, match=r"cannot be named 'pooled'.*\nGive its table another name"):
        tiny(datasets=(datasets.from_arrays(X, X[:, 0], name="pooled"),))
