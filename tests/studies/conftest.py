import shutil

import pytest

from studies import run
from tests.support.tiny import tiny


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A finished tiny run; nobody may change it."""
    out = tmp_path_factory.mktemp("runs") / "finished"
    run(tiny(), out=out, jobs=1)
    return out


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of a finished run, to be damaged."""
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"
