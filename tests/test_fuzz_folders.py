"""The JSON of a run folder, altered by chance: every reader answers, or refuses it in words."""

import shutil

import numpy as np
import pytest

from studies import Study, run
from studies.cli.overrides import asked
from studies.errors import UsageError
from studies.folder.manifest import agreed, read_manifest
from studies.folder.read import Tables
from studies.folder.run_folder import RunFolder
from studies.question import identity
from tests.support.altered import altered_bytes, altered_json
from tests.support.sealed import seal

STUDY = Study("small", ("sgd", "adam"), ("wine",), blocks=2, draws=2, epochs=2, fresh=4)
OTHER = ["true", "-1", "1e400", "NaN", '"' + "x" * 10_000 + '"', "[" * 50_000, "{}", "\\ud800", "10" * 3_000]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    finished = run(STUDY, out=tmp_path_factory.mktemp("runs") / "finished", jobs=1).path
    return shutil.copytree(finished, finished.with_name("altered"))


def gone_on(folder):
    """All that `run --out` reads of a folder before it trains."""
    again = asked(None, {"out": str(folder)})
    question, growing = identity.question(again.study.settled()), identity.growing(again.study.settled())
    identity.whole(again.study, agreed(folder, growing, question), folder)


def everything(folder):
    Tables(seal(folder)).all()


def refuses(read, folder):
    """Is it refused? Then in a sentence and a remedy."""
    try:
        read(folder)
    except UsageError as error:
        said = str(error).split("\n")
    else:
        return False
    assert len(said) == 2, said
    assert all(said)
    return True


READERS = {
    "manifest.json": (gone_on, everything, read_manifest),
    "tables/made.json": (lambda folder: Tables(folder).all(),),
    "timings.jsonl": (lambda folder: RunFolder(folder, read_manifest(folder)).timings(),),
}


INPUTS = [("manifest.json", 1_200), ("tables/made.json", 400), ("timings.jsonl", 400)]


@pytest.mark.slow
@pytest.mark.parametrize(("file", "inputs"), INPUTS)
def test_altered_json_is_answered_or_refused_in_words(folder, file, inputs):
    path = folder / file
    whole, note = path.read_bytes(), (folder / "tables" / "made.json").read_bytes()
    refused = 0
    for seed in range(inputs):
        rng = np.random.default_rng(seed)
        if rng.random() < 0.2:
            at = rng.integers(len(whole))
            path.write_bytes(whole[:at] + OTHER[rng.integers(len(OTHER))].encode() + whole[at:])
        elif rng.random() < 0.3 or file == "timings.jsonl":
            path.write_bytes(altered_bytes(rng, whole))
        else:
            path.write_bytes(altered_json(rng, whole))
        for read in READERS[file]:
            refused += refuses(read, folder)
            if file == "manifest.json":
                (folder / "tables" / "made.json").write_bytes(note)
        path.write_bytes(whole)
    assert file == "timings.jsonl" or refused > inputs / 2
