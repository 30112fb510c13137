import pytest
from tiny import tiny

from studies import run


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A finished tiny run; nobody may change it."""
    out = tmp_path_factory.mktemp("runs") / "finished"
    run(tiny(), out=out, jobs=1)
    return out
