"""Optimizers of other libraries, as far as none is needed: what is said, how they are named and refused.

The libraries themselves stand in tests/peers/test_foreign.py.
"""

import ast
import importlib.util
import inspect

import numpy as np
import pytest

import dlopt
from dlopt.testing import LAYERS, problems
from studies import Arm, Study
from studies.cli.entry import main
from studies.cli.overrides import read_config
from studies.errors import UsageError
from studies.question import foreign, libraries, user_optimizer

ALONE = importlib.util.find_spec("torch") is None and importlib.util.find_spec("optax") is None
BAD = [
    "torch:",
    "torch:NAdam",
    "torch:torch.optim.NAdam(",
    "torch:torch.optim.NAdam(0.1)",
    "torch:torch.optim.NAdam(lr=open('x'))",
    "torch:torch.optim.NAdam(lr=1+1)",
    "torch:torch.optim.NAdam(**{'lr': 1})",
    "torch:torch.optim.NAdam(lr=[1])",
    "torch:torch.optim.NAdam(lr=1, lr=2)",
    "torch:torch.optim.NAdam()()",
    "torch:(lambda: 1).x",
    "torch:__import__('os').system('touch pwned')",
    "torch:torch.optim.NAdam; 1",
    "torch:" + "(" * 10_000,
    "optax:optax.lion(b1=0.9\0)",
    "optax:optax.lion\nimport os",
]


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_what_is_no_import_path_with_plain_values_runs_nothing(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for ask in (foreign.read, Arm, user_optimizer.find):
        with pytest.raises(UsageError, match=r"is no import path of an optimizer.*\n.*(NAdam|lion)"):
            ask(text)
    assert not list(tmp_path.iterdir())


def test_one_call_has_one_spelling():
    call = foreign.read("torch: torch.optim.NAdam( betas=(.9,0.99),amsgrad = True )")
    assert call.words == "torch.optim.NAdam(betas=(0.9, 0.99), amsgrad=True)"
    assert foreign.read(call.text) == call
    assert foreign.read("optax:optax.lion").words == "optax.lion"
    assert foreign.read("optax:optax.lion()") == foreign.read("optax:optax.lion")
    assert (
        foreign.read("optax:a.b(c=-1e999, d='x.py:y', e=None)").words == "a.b(c=-1e309, d='x.py:y', e=None)"
    )


def test_its_name_says_where_it_is_from():
    assert user_optimizer.called("torch:torch.optim.NAdam(amsgrad=True)") == "torch-nadam"
    assert user_optimizer.called("torch:pytorch_optimizer.Lion") == "pytorch_optimizer-lion"
    assert user_optimizer.called("optax:optax.contrib.dadapt_adamw") == "optax-dadapt_adamw"
    assert user_optimizer.named_file("mine=torch:a.B(c=1)") == ("mine", "torch:a.B(c=1)")
    assert user_optimizer.named_file("torch:a.B(c=1)") == ("", "torch:a.B(c=1)")
    text = "torch:a.B(c='x.py:y')"  # which is no file
    assert user_optimizer.file(text) == ("", "")
    assert user_optimizer.gone(text) == ""
    assert user_optimizer.shown(text) == text
    assert Arm("mine=torch:torch.optim.NAdam").name == "mine"


@pytest.mark.skipif(not ALONE, reason="a library is there")
@pytest.mark.parametrize(
    ("text", "package"), [("torch:torch.optim.NAdam", "torch"), ("optax:optax.lion", "optax")]
)
def test_a_library_that_is_not_there_is_named(text, package, capsys, tmp_path):
    with pytest.raises(UsageError, match=rf"^{package} is not installed\.\npip install {package}"):
        Arm(text).found()
    for words in (["run", "quick", "--optimizer", text, "--dry-run"], ["check", text], ["describe", text]):
        assert main(words) == 2
        assert f"{package} is not installed.\npip install {package}" in capsys.readouterr().err
    spec = Study("mine", ("sgd",), ("wine",)).arms[0].spec() | {"file": text, "source": "what was there"}
    assert user_optimizer.kept(spec, tmp_path) == spec


def test_a_toml_file_names_it_too(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(
        'optimizer = ["torch:torch.optim.NAdam(weight_decay=0.1)"]\n[set.torch-nadam]\nbeta1 = 0.8\n'
    )
    assert read_config(file) == {
        "optimizer": ["torch:torch.optim.NAdam(weight_decay=0.1)"],
        "set": {"torch-nadam.beta1": 0.8},
    }


class Recorded(libraries.Row):
    """In place of a library: plain descent that tells how it was made."""

    rate, needs, what = "lr", (), "function"

    def __init__(self, make, settings, tensors, lr):
        self.settings, self.shapes, self.first = dict(settings), [one.shape for one in tensors], lr

    @staticmethod
    def offered(thing):
        return inspect.isfunction(thing)

    def step(self, tensors, gradients, lr):
        return [gradient.dtype.type(lr) * gradient for gradient in gradients]

    def read(self, tensors):
        return tensors


MODULE = """
def descent(params, lr=0.5, betas=(0.9, 0.99), eps=(1e-30, None), momentum: float = 0,
            weight_decay: float = 0, power=-0.8, every: int = 1, rounds=5, coefs=(3.4, -4.7),
            schedule=1.0, flag=True, limit=float("inf"), alpha=0.5, d=1, word="x", **more): pass
def rateless(params, eps=1e-8): pass
fields = 1
"""


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    (tmp_path / "recorded_library.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(libraries.LIBRARIES, "torch", Recorded)
    foreign.kind.cache_clear()
    yield "torch:recorded_library.descent"
    foreign.kind.cache_clear()


def test_every_number_of_a_call_is_a_hyperparameter(recorded):
    fields = dlopt.hyperparameters.declared(foreign.kind(recorded))
    assert list(fields) == [
        *("lr", "beta1", "beta2", "momentum", "weight_decay", "power", "every", "rounds", "coef1", "coef2"),
        *("alpha", "d"),
    ]
    assert [name for name, one in fields.items() if one.search] == ["lr"]
    assert [name for name, one in fields.items() if one.complement] == ["beta1", "beta2", "momentum", "alpha"]
    assert [name for name, one in fields.items() if one.whole] == ["every", "rounds"]
    assert [name for name, one in fields.items() if one.high <= 0] == ["power", "coef2"]
    assert foreign.kind(recorded)().lr == 0.5
    given = foreign.kind(f"{recorded}(lr=2, eps=(1e-9, 1e-3), new=7.5, limit=3)")
    assert (given().lr, given().eps1, given().eps2, given().new, given().limit) == (2, 1e-9, 1e-3, 7.5, 3)


def test_what_is_not_at_its_default_reaches_the_library_row_by_row(recorded):
    kind = foreign.kind(f"{recorded}(flag=False, d=2, lr=0.1)")
    optimizer = kind(lr=[0.1, 0.2], beta2=[0.99, 0.999], weight_decay=[0, 0.5], rounds=7, d=[2, 1])
    params, state = optimizer.step(np.zeros((2, 23)), np.ones((2, 23)), layers=LAYERS, epoch=3)
    first, second = state.theirs
    assert (first.settings, first.first) == ({"flag": False, "d": 2, "rounds": 7}, 0.1)
    own = {"betas": (0.9, 0.999), "weight_decay": 0.5}
    assert second.settings == {"flag": False, "d": 1, "rounds": 7} | own
    assert isinstance(second.settings["d"], int)
    assert first.shapes == [(3, 4), (3,), (2, 3), (2,)]
    np.testing.assert_array_equal(params, -np.repeat([[0.1], [0.2]], 23, axis=1))
    assert not problems(foreign.kind(recorded, plain=True))


def test_its_call_is_written_with_a_settings_numbers(recorded):
    kind = foreign.kind(f"{recorded}(word='{{}}', flag=False)")
    settings = {name: getattr(kind(), name) for name in dlopt.hyperparameters.declared(kind)}
    made = kind.written.format(**settings | {"beta2": 0.5, "rounds": 3.0})
    node = ast.parse(made, mode="eval").body
    called = {one.arg: ast.literal_eval(one.value) for one in node.keywords}
    assert ast.unparse(node.args[0]) == "model.parameters()"
    assert called["lr"] == 0.5
    assert called["betas"] == (0.9, 0.5)
    assert (called["word"], called["flag"], called["rounds"]) == ("{}", False, 3)
    assert kind.equivalents == {}  # it is of neither library itself


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("(params=1)", "has no 'params'"),
        (".x", "cannot be imported"),
        ("s", "has no function that is named 'descents'.\nDid you mean descent"),
    ],
)
def test_what_is_not_there_is_named(recorded, more, why):
    with pytest.raises(UsageError, match=why):
        foreign.kind(f"{recorded}{more}")


def test_an_optimizer_needs_a_learning_rate(recorded):
    with pytest.raises(UsageError, match="rateless takes no lr"):
        foreign.kind("torch:recorded_library.rateless")
    with pytest.raises(UsageError, match=r"nowhere_at_all is not installed\.\nInstall what offers it"):
        foreign.kind("torch:nowhere_at_all.Lion")
