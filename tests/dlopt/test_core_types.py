"""The core believes no type: what is no number, block, model or optimizer is refused in a sentence."""

import numpy as np
import pandas as pd
import pytest

import dlopt
from dlopt import MLP, SGD, Adam, Cosine, Exponential, Problem, Split, descend, suggest, train

HUGE = 10**5_000  # an integer that Python writes out for nobody
FRAME = pd.DataFrame({"a": [1, 2], "y": [3.5, 4]})
X, Y = np.random.default_rng(0).normal(size=(12, 3)), np.arange(12) % 2
USUAL = {"model": MLP(2), "block": None, "optimizers": [SGD()], "batch_size": 4, "epochs": 2}


def split(**changes):
    parts = {
        f"{letter}_{part}": {"X": X, "y": Y}[letter]
        for part in ("train", "validation", "test")
        for letter in "Xy"
    }
    return Split(**(parts | {"n_classes": 2, "seed": 0} | changes))


class Middle:
    def suggest_float(self, name, low, high, *, log):
        return (low * high) ** 0.5


def refused(make, words):
    with pytest.raises((TypeError, ValueError), match=words) as caught:
        make()
    parts = str(caught.value).split("\n") if "\n" in str(caught.value) else str(caught.value).rsplit(". ", 1)
    assert len(parts) == 2
    assert all(part and part.isprintable() for part in parts)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Adam(lr=[[1], [2, 3]]), r"Adam.lr must be an array, not \[\[1\], \[2, 3\]\]"),
        (lambda: Adam(lr=FRAME), "Adam.lr must be one number or a list"),
        (lambda: Adam(lr={"a": FRAME}), "Adam.lr must be a number or a list of numbers, not {'a': a y 0 1"),
        (lambda: Adam(lr=HUGE), "not a value of int that cannot be shown"),
        (lambda: Adam(lr="x" * 9_000), "'xxx.* … x"),
        (lambda: Adam(eps=np.longdouble("1e4000")), "Adam.eps must be >= 0 and finite; it is inf"),
        (lambda: Adam(schedule=FRAME), "Adam.schedule must be a schedule, .* not a y 0 1 3.5"),
        (lambda: Adam(schedule=Cosine), "Adam.schedule must be a schedule"),
        (lambda: Exponential(gamma=[0.5, [0.5]]), "Exponential.gamma must be an array"),
        (lambda: dlopt.rate(0.1, search=3), "A search range must be"),
        (lambda: dlopt.rate(0.1, search=(0.1, "x")), "A search range must be"),
        (lambda: dlopt.decay(0.1, search=(0.1, 0.1)), "A search range must be"),
        (lambda: MLP([64, 64]), r"A hidden layer needs a whole number >= 1, not \[64, 64\]"),
        (lambda: MLP(np.ones((2, 2))), "needs a whole number >= 1, not array"),
        (lambda: MLP(np.timedelta64(3, "s")), "needs a whole number >= 1, not"),
        (lambda: MLP(HUGE), "needs a whole number >= 1 and <= 4294967296, not a value of int"),
        (lambda: MLP(weight_decay=HUGE), "weight_decay must be a finite number >= 0"),
        (lambda: MLP(activation=FRAME), "MLP has no activation a y 0 1 3.5"),
        (lambda: Problem(FRAME, 3, [0.0]), "Problem.loss must be a function of arrays, not a y"),
        (lambda: Adam().step(["a"], [0.1]), "params must hold real numbers, not <U1"),
        (lambda: Adam().step([0.1], [[1], [2, 3]]), "grad must be an array"),
        (lambda: dlopt.check_gradient(3, X, Y), "check_gradient needs a Problem, not 3"),
        (lambda: dlopt.Quadratic(["a"], [0.0]), "hessian must hold real numbers"),
        (lambda: dlopt.Quadratic([1.0], [0.0], noise=[1.0, 2.0]), "The noise is a variance >= 0"),
        (lambda: dlopt.Surface(sum, sum, [0.0], noise="much"), "noise must hold real numbers"),
        (lambda: descend(dlopt.strict_saddle(), 3, steps=2), "descend needs optimizers, not 3"),
        (lambda: descend(dlopt.strict_saddle(), [Adam], steps=2), "descend needs optimizers, not <class"),
        (lambda: suggest(3, Adam), "suggest needs a trial, not 3"),
        (lambda: suggest(Middle(), Adam()), "suggest needs a class of optimizers, not Adam"),
        (lambda: suggest(Middle(), Cosine), "suggest needs a class of optimizers, not"),
        (
            lambda: suggest(Middle(), Adam, schedule=Cosine()),
            "suggest needs a class of schedules, not Cosine",
        ),
        (lambda: suggest(Middle(), Adam, search=[("lr", 1)]), "search must be a dictionary"),
        (lambda: suggest(Middle(), Adam, search={"lr": 0.1}), "lr cannot be searched in 0.1"),
        (lambda: suggest(Middle(), Adam, search={"lr": (0, 1)}), r"lr cannot be searched in \(0, 1\)"),
        (lambda: suggest(Middle(), Adam, search={3: (0, 1)}), "Adam has no field 3"),
        (lambda: suggest(Middle(), Adam, lr="x"), "Adam.lr must be a number"),
    ],
)
def test_a_value_of_another_type_is_refused_in_one_line(make, words):
    refused(make, words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": None}, "train needs a model, not None"),
        ({"model": MLP}, "train needs a model, not <class"),
        ({"block": 3}, "train needs blocks, not 3"),
        ({"block": "ab"}, "train needs blocks, not 'a'"),
        ({"block": (X, Y)}, "train needs blocks, not array"),
        ({"block": Split}, "train needs blocks, not <class"),
        ({"optimizers": 3}, "train needs optimizers, not 3"),
        ({"optimizers": Adam}, "train needs optimizers, not <class"),
        ({"optimizers": [Adam(), "adam"]}, "train needs optimizers, not 'adam'"),
        ({"optimizers": [[]]}, "must agree in their classes"),
        ({"batch_size": FRAME}, "batch_size must be a whole number from 1 to 12 .* not a y 0 1"),
        ({"batch_size": np.timedelta64(3, "s")}, "batch_size must be a whole number"),
        ({"epochs": HUGE}, "epochs must be at most 333,333,333 at this batch size, not a value of int"),
        ({"epochs": 10**9}, "epochs must be at most 333,333,333 at this batch size, not 1000000000"),
        ({"dtype": "float31"}, "dtype must be float32 or float64, not 'float31'"),
        ({"dtype": 3}, "dtype must be float32 or float64, not 3"),
        ({"progress": "yes"}, "progress must be True, False or a function, not 'yes'"),
        ({"model": MLP(2**31)}, r"MLP\(2147483648\) has .* parameters on 3 features"),
    ],
)
def test_train_refuses_what_is_none_of_its_arguments(change, words):
    given = USUAL | {"block": split()} | change
    refused(lambda: train(given.pop("model"), given.pop("block"), given.pop("optimizers"), **given), words)


NOT_DATA = [
    ({"X_train": None}, r"X_train and y_train have the shapes \(\) and \(12,\)"),
    ({"X_train": [[1], [2, 3]]}, "X_train must be an array"),
    ({"X_train": np.full((12, 3), "a")}, "X_train must hold real numbers, not <U1 such as array"),
    ({"X_train": np.zeros((12, 3), "M8[s]")}, "X_train must hold real numbers"),
    (
        {"X_train": X[:, 0]},
        r"X_train and y_train have the shapes \(12,\) and \(12,\)\. A network needs X \(n, F\)",
    ),
    ({"X_train": X[:, :0]}, r"have the shapes \(12, 0\)"),
    ({"X_test": X[:, :2]}, r"X_test and y_test have the shapes \(12, 2\)"),
    ({"y_validation": Y[:5]}, r"X_validation and y_validation have the shapes \(12, 3\) and \(5,\)"),
    ({"y_test": Y[:, None]}, r"y_test have the shapes \(12, 3\) and \(12, 1\)"),
    ({"y_train": Y - 1}, "y_train must hold class numbers from 0 to 1, and it holds -1"),
    ({"y_test": Y + 1}, "y_test must hold class numbers from 0 to 1, and it holds 2"),
    ({"y_test": Y + 0.5}, "it holds 0.5"),
    ({"y_test": np.where(Y, np.nan, 0)}, "it holds nan"),
    ({"y_train": ["a"] * 12}, "y_train must hold real numbers"),
    ({"n_classes": "2"}, "n_classes must be a whole number >= 0, not '2'"),
    ({"n_classes": -1}, "n_classes must be a whole number >= 0, not -1"),
    ({"seed": -1}, "seed must be a whole number >= 0, not -1"),
    ({"seed": "0"}, "seed must be a whole number >= 0, not '0'"),
]


@pytest.mark.parametrize(("change", "words"), NOT_DATA)
def test_train_refuses_what_no_network_learns_from(change, words):
    refused(lambda: train(MLP(2), split(**change), SGD(), batch_size=4, epochs=1), words)


def test_train_takes_numpy_s_numbers_and_lists():
    plain = train(MLP(2), split(), SGD(), batch_size=4, epochs=100)
    block = split(X_train=X.tolist(), y_train=Y.astype(float), n_classes=np.int8(2), seed=np.uint8(0))
    other = train(
        MLP(np.int8(2)), block, (SGD(lr=np.float64(0.01)),), batch_size=np.int8(4), epochs=np.int8(100)
    )
    assert plain.best_params.tobytes() == other.best_params.tobytes()
    assert plain.curves.examples.tolist() == other.curves.examples.tolist()
    nothing = train(MLP(2), split(X_test=X[:0], y_test=Y[:0]), SGD(), batch_size=4, epochs=1)
    assert np.isnan(nothing.test_losses).all()


@pytest.mark.parametrize(
    ("x", "row", "words"),
    [
        (X, 1, "row must be a whole number from 0 to 0, not 1"),
        (X, "0", "row must be a whole number"),
        (["a"], 0, "X must hold real numbers"),
        ([[1], [2, 3]], 0, "X must be an array"),
        (3, 0, r"X has the shape \(\)"),
    ],
)
def test_a_prediction_of_what_is_no_data_is_refused(x, row, words):
    refused(lambda: train(MLP(2), split(), SGD(), batch_size=4, epochs=1).predict(x, row), words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": [[1], [2, 3]]}, "Problem.start must be an array"),
        ({"start": None}, "Problem.start must be numbers"),
        ({"loss": lambda params, X, y: [[1], [2, 3]]}, "What Problem.loss returns must be an array"),
    ],
)
def test_a_problem_of_another_type_is_refused(change, words):
    given = {
        "loss": lambda params, X, y: params[:, 0],
        "gradient": lambda params, X, y: params,
        "start": [0.0],
    }
    refused(lambda: train(Problem(**(given | change)), split(), SGD(), batch_size=4, epochs=1), words)
