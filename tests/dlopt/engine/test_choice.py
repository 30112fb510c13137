"""Which engine trains: what is asked for, what can be had, and what is said."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dlopt import MLP, SGD, Adam, Problem, train
from tests.support.blocks import block

ROOT = Path(__file__).parents[3]
HOW = {"batch_size": 16, "epochs": 1, "progress": False}
QUADRATIC = Problem(
    lambda params, X, y: (params * params).sum(axis=1) / 2, lambda params, X, y: params, start=np.ones(2)
)


def python(code, **env):
    """What a child process prints; it has this checkout."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_network_in_float32_is_compiled_and_all_else_is_numpys():
    assert train(MLP(4), block(), SGD(), **HOW).engine == "compiled"
    assert train(MLP(4), block(), SGD(), engine="compiled", **HOW).engine == "compiled"
    assert train(MLP(4), block(), SGD(), engine="numpy", **HOW).engine == "numpy"
    assert train(MLP(4), block(), SGD(), dtype=np.float64, **HOW).engine == "numpy"


def test_asked_to_be_compiled_float64_is_refused_in_words():
    with pytest.raises(
        ValueError, match=r"^engine=\"compiled\" cannot be had: only float32 is compiled\. Le"
    ):
        train(MLP(4), block(), SGD(), dtype=np.float64, engine="compiled", **HOW)


def test_a_problem_is_numpys_and_asked_to_be_compiled_refused_in_words():
    assert train(QUADRATIC, block(), SGD(), **HOW).engine == "numpy"
    with pytest.raises(ValueError, match=r"^engine=\"compiled\" cannot be had: only an MLP is compiled\. Le"):
        train(QUADRATIC, block(), SGD(), engine="compiled", **HOW)


@pytest.mark.parametrize("engine", ["", "numba", "NumPy", None, True, 1, ("auto",), b"auto"])
def test_another_word_is_refused_with_those_there_are(engine):
    with pytest.raises(ValueError, match=r"^engine must be one of auto, compiled, numpy, not .*\. Leave it"):
        train(MLP(4), block(), SGD(), engine=engine, **HOW)


def test_the_results_of_several_blocks_all_name_the_engine():
    runs = train(MLP(4), [block(seed=0), block(seed=1)], [SGD(), Adam()], early=(0.5,), **HOW)
    assert [run.engine for run in runs] == ["compiled"] * 2
    assert [run.early[0].engine for run in runs] == ["compiled"] * 2


IMPORTS = "import sys, dlopt; print([name for name in ('numba', 'llvmlite') if name in sys.modules])"


def test_to_import_dlopt_imports_no_numba():
    assert python(IMPORTS) == ["[]"]


TRAINS = """
import sys
{first}
import numpy as np, dlopt
X, y = np.eye(8), np.arange(8.0)
given = dlopt.MLP(3), dlopt.Split(X, y, X, y, X, y), dlopt.Adam()
how = dict(batch_size=4, epochs=2, progress=False)
print(dlopt.train(*given, **how, {more}).engine, 'numba' in sys.modules)
"""


def test_the_engine_numpy_imports_no_numba():
    assert python(TRAINS.format(first="", more="engine='numpy'")) == ["numpy", "False"]


WITHOUT = "sys.modules['numba'] = None"
ASKED = """
try:
    dlopt.train(*given, **how, engine="compiled")
except ValueError as error:
    print(error)
"""


def test_without_numba_numpy_trains_and_says_nothing():
    assert python(TRAINS.format(first=WITHOUT, more=""))[0] == "numpy"


def test_without_numba_a_wish_for_compiled_code_is_refused_in_words():
    words = " ".join(python(TRAINS.format(first=WITHOUT, more="engine='numpy'") + ASKED)[2:])
    assert words == 'engine="compiled" cannot be had: numba is not installed. Leave engine out for NumPy.'


def test_an_own_loss_or_network_is_never_taken_for_dlopts():
    from dlopt.losses import SquaredError
    from dlopt.models import Network

    class Half(SquaredError):  # noqa: N818  # a squared error is no error
        def backward(self, outputs, targets):
            losses = super().backward(outputs, targets)
            outputs /= 2
            return losses / 2

    class Own(Network):
        pass

    class WithLoss(MLP):
        def stack(self, blocks, trials, dtype):
            made = super().stack(blocks, trials, dtype)
            made.loss = Half()
            return made

    class WithNetwork(MLP):
        def stack(self, blocks, trials, dtype):
            made = super().stack(blocks, trials, dtype)
            made.__class__ = Own
            return made

    for kind in (WithLoss, WithNetwork):
        how = {"batch_size": 8, "epochs": 2, "progress": False}
        found = train(kind(3), block(n_classes=0), SGD(lr=0.1), **how)
        assert found.engine == "numpy"
        expected = train(kind(3), block(n_classes=0), SGD(lr=0.1), engine="numpy", **how)
        assert found.best_params.tobytes() == expected.best_params.tobytes()
