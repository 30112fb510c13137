"""The engine of a study: which one, said once, and whose steps NumPy takes all the same."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

import dlopt
from studies.errors import UsageError
from studies.question import engine
from studies.question.engine import bytes_of, bytes_of_update, in_numpy, ready
from studies.question.plan import planned
from studies.training import stacks
from studies.training.rows import Row
from studies.training.stacks import Stack
from tests.support.tiny import tiny

WHY = "Numba is not installed."


class Cubes(dlopt.SGD):
    """An update that is not compiled."""

    def update(self, grad, state, lr):
        return lr * np.cbrt(grad)


class Counts(dlopt.SGD):
    """An update that hangs on how often it was called."""

    calls = 0

    def update(self, grad, state, lr):
        type(self).calls += 1
        return lr * grad * np.float32(type(self).calls > 4)


class Ends(dlopt.SGD):
    """An update that ends when it is read."""

    def update(self, grad, state, lr):
        raise SystemExit(3)


@pytest.fixture
def nothing(monkeypatch):
    """A machine on which nothing can be compiled."""
    monkeypatch.setattr(dlopt.engine, "missing", lambda: WHY)


@pytest.mark.parametrize("kind", [dlopt.OPTIMIZERS[name] for name in dlopt.DEFAULT])
def test_the_suite_s_own_updates_are_compiled_and_hang_on_no_machine(kind):
    assert in_numpy("auto", kind) == ""
    assert bytes_of_update("auto", kind) == {}
    assert bytes_of("auto") == bytes_of("compiled") == {"engine": "compiled"}


@pytest.mark.parametrize("kind", [Cubes, Counts, Ends])
def test_what_is_not_compiled_has_a_reason_and_hangs_on_the_machine(kind):
    assert in_numpy("compiled", kind)
    assert bytes_of_update("compiled", kind) == engine.arithmetic()


def test_in_numpy_all_hang_on_the_machine_by_the_run_itself():
    assert bytes_of("numpy") == {"engine": "numpy", **engine.arithmetic()}
    assert bytes_of_update("numpy", Cubes) == {}
    assert in_numpy("numpy", dlopt.Adam) == "NumPy was chosen."


@pytest.mark.parametrize(
    ("asked", "had", "name"),
    [
        ("auto", "", "auto"),
        ("auto", "compiled", "auto"),
        ("auto", "numpy", "numpy"),
        ("compiled", "", "compiled"),
        ("compiled", "numpy", "compiled"),  # and is refused as another question
        ("numpy", "", "numpy"),
        ("numpy", "compiled", "numpy"),  # likewise
    ],
)
def test_a_folder_s_engine_is_kept_where_none_is_asked_for(asked, had, name):
    assert ready(asked, had, pytest.fail) == name


@pytest.mark.parametrize(("asked", "had"), [("auto", "compiled"), ("compiled", ""), ("compiled", "numpy")])
@pytest.mark.usefixtures("nothing")
def test_what_is_to_be_compiled_and_cannot_be_is_refused(asked, had):
    with pytest.raises(UsageError, match=rf"compiled engine. {WHY}\nInstall Numba"):
        ready(asked, had, lambda line: None)


@pytest.mark.parametrize("had", ["", "numpy"])
@pytest.mark.usefixtures("nothing")
def test_numpy_trains_where_nothing_can_be_compiled_and_says_so_in_one_line(had):
    told = []
    assert ready("auto", had, told.append) == "auto"
    assert told == [f"{WHY} All is trained in NumPy."]
    assert bytes_of("auto") == bytes_of("numpy")
    assert in_numpy("auto", dlopt.Adam) == WHY


def test_compiling_for_the_first_time_is_told_before_it_begins(monkeypatch):
    told = []
    monkeypatch.setattr(dlopt.engine, "cached", lambda: False, raising=False)
    monkeypatch.setattr(dlopt.engine, "missing", lambda: told.append("compiles") or "")
    assert ready("auto", "", told.append) == "auto"
    assert told == ["Compiling the engine, once: about ten seconds.", "compiles"]


def test_numpy_compiles_nothing(monkeypatch):
    monkeypatch.setattr(dlopt.engine, "missing", lambda: pytest.fail("compiles"))
    assert ready("numpy", "", pytest.fail) == "numpy"
    assert (bytes_of("numpy")["engine"], in_numpy("numpy", Cubes)) == ("numpy", "NumPy was chosen.")


@pytest.mark.parametrize(
    ("name", "refused", "fails"),
    [
        ("compiled", "SGD", True),
        ("compiled", "", False),
        ("compiled", "Adam", False),
        ("numpy", "SGD", False),
    ],
)
def test_steps_that_turn_out_to_be_numpy_s_fail_where_rows_are_tied_to_no_machine(name, refused, fails):
    row = Row("wine", 0, "sgd", "search", 0, 64, "none", (("lr", 0.1),), "sgd")
    stack = Stack(planned(tiny()).facts["wine"], 0, 64, 1, dlopt.MLP(4), 0, "error", (row,), name)
    training = SimpleNamespace(in_numpy={refused: "it hangs on the clock"} if refused else {})
    with pytest.raises(RuntimeError, match="and here not: it hangs on the clock") if fails else nullcontext():
        stacks.check_engine(stack, training)
