"""The wheel holds dlopt alone, needs numpy alone, and trains."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

import dlopt

ROOT = Path(__file__).parent.parent

TRAINS = """
import sys
import numpy as np
import dlopt
from dlopt.testing import check

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 5))
y = (X[:, 0] > 0).astype(int)
block = dlopt.Split(X[:120], y[:120], X[120:160], y[120:160], X[160:], y[160:], n_classes=2)
both = [dlopt.Adam(lr=[1e-3, 1e-2]), dlopt.SGD(lr=0.1)]
run = dlopt.train(dlopt.MLP(16), block, both, batch_size=32, epochs=30)
assert run.best_validation_loss < 0.3, run.best_validation_losses
check(dlopt.Adam)
assert not {"optuna", "pandas", "sklearn", "studies"} & set(sys.modules)
print(dlopt.__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_dlopt_alone_and_needs_numpy_alone_numba_for_speed(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (n for n in names if n.endswith("METADATA"))
        needs = [li for li in archive.read(metadata).decode().splitlines() if li.startswith("Requires-Dist")]
    assert {n.split("/")[0] for n in names} == {"dlopt", f"dlopt-{dlopt.__version__}.dist-info"}
    assert [need.split()[1].split(">")[0] for need in needs if "extra ==" not in need] == ["numpy"]
    (fast,) = (need for need in needs if "extra ==" in need)
    assert fast.startswith("Requires-Dist: numba")
    assert "fast" in fast


def test_the_wheel_installed_alone_trains(wheel, tmp_path):
    venv.create(tmp_path / "empty", with_pip=False)
    python = tmp_path / "empty" / "bin" / "python"
    packages = Path(
        subprocess.check_output(
            [python, "-c", "import site; print(site.getsitepackages()[0])"], text=True
        ).strip()
    )
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    # numpy alone from this environment, so that the test needs no network
    for part in Path(np.__file__).parent.parent.glob("numpy*"):
        (packages / part.name).symlink_to(part)
    done = subprocess.run([python, "-W", "error", "-c", TRAINS], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(packages))
