"""A study and an arm believe no type: NumPy's numbers are taken as Python's, all else is refused in words."""

import json

import numpy as np
import pandas as pd
import pytest

import dlopt
from studies import Arm
from studies.cli import overrides, parser
from studies.errors import UsageError, reworded
from studies.question import identity, user_optimizer
from tests.support.tiny import tiny

HUGE = 10**5_000  # an integer that Python writes out for nobody
FRAME = pd.DataFrame({"a": [1, 2]})


def test_a_study_takes_numpy_s_numbers_and_lists_for_python_s():
    numpy = tiny(
        name=np.str_("tiny"),
        optimizers=np.array(["sgd", "adam"]),
        datasets=[np.str_("wine")],
        blocks=np.int64(8),
        draws=np.array(4),
        epochs=np.uint8(3),
        seed=np.int32(5),
        widths=np.array([64, 32]),
        weight_decay=np.float32(0.5),
        claims=np.True_,
    )
    python = tiny(
        datasets=("wine",),
        blocks=8,
        draws=4,
        epochs=3,
        seed=5,
        widths=(64, 32),
        weight_decay=0.5,
        claims=True,
    )
    assert numpy == python
    assert repr(numpy) == repr(python)
    parts = (identity.question, identity.growing)
    assert [json.dumps(part(numpy)) for part in parts] == [json.dumps(part(python)) for part in parts]
    assert tiny(widths=[64, 32]) == tiny(widths=(64, 32))


def test_a_single_width_or_batch_size_is_a_list_of_one():
    assert tiny(widths=64).widths == tiny(widths=np.int8(64)).widths == (64,)
    assert Arm("sgd", batch_sizes=8).batch_sizes == (8,)


def test_an_arm_takes_numpy_s_numbers_and_lists_for_python_s():
    how = {"fixed": {"beta1": np.float64(0.5)}, "search": {"lr": np.array([0.25, 1.0])}}
    numpy = Arm(np.str_("adam"), batch_sizes=np.array([8, 16]), **how)
    python = Arm("adam", batch_sizes=(8, 16), fixed=(("beta1", 0.5),), search=(("lr", (0.25, 1.0)),))
    assert (numpy, hash(numpy), repr(numpy)) == (python, hash(python), repr(python))
    assert json.dumps(numpy.spec()) == json.dumps(python.spec())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"widths": 3.5}, "widths = 3.5 is no list of whole numbers"),
        ({"widths": "64"}, "widths = '64' is no list"),
        ({"widths": [[64]]}, r"a hidden layer's width must be a whole number >= 1, not \[64\]"),
        ({"widths": True}, "width must be a whole number >= 1, not True"),
        ({"widths": [-HUGE]}, "not one of more than 20 digits"),
        ({"optimizers": 3.5}, "optimizers = 3.5 is no list of names"),
        ({"optimizers": dlopt.Adam}, "optimizers = <class 'dlopt.adam.Adam'> is no list of names"),
        ({"optimizers": (dlopt.Adam,)}, "is no list of names"),
        ({"datasets": None}, "datasets = None is no list of names"),
        ({"datasets": FRAME}, "There is no dataset 'a'"),
        ({"datasets": (["wine"],)}, "is no list of names"),
        ({"datasets": (HUGE,)}, "datasets = a value of tuple that cannot be shown is no list"),
        ({"blocks": np.array([8])}, r"blocks must be a whole number >= 1, not array\(\[8\]\)"),
        ({"blocks": np.True_}, "blocks must be a whole number >= 1, not np.True_"),
        ({"blocks": np.timedelta64(3, "s")}, "blocks must be a whole number"),
        ({"draws": None}, r"draws \(--trials\) must be a whole number >= 2, not None"),
        ({"seed": "0"}, "seed must be a whole number >= 0, not '0'"),
        ({"metric": None}, "There is no metric None"),
        ({"metric": np.array(["error", "loss"])}, "There is no metric array"),
        ({"metric": HUGE}, "There is no metric a value of int that cannot be shown"),
        ({"activation": ["relu"]}, r"MLP has no activation \['relu'\]"),
        ({"init": FRAME}, "MLP has no init"),
        ({"weight_decay": "x"}, "weight_decay must be a number, not 'x'"),
        ({"weight_decay": HUGE}, "MLP.weight_decay must be a finite number >= 0, not inf"),
        ({"name": None}, "A study's name cannot be None"),
        ({"name": HUGE}, "A study's name cannot be a value of int that cannot be shown"),
        ({"about": 3}, "about must be text, not 3"),
        ({"claims": np.zeros(2)}, "claims must be True or False, not array"),
    ],
)
def test_a_study_of_another_type_is_refused_with_value_and_rule(change, words):
    with pytest.raises(UsageError, match=words) as caught:
        tiny(**change)
    assert all(str(caught.value).split("\n"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"optimizer": None}, "An arm's optimizer must be text, not None"),
        ({"optimizer": dlopt.Adam}, "must be text, not <class"),
        ({"optimizer": ["adam"]}, "must be text"),
        ({"optimizer": "a\0.py"}, "embedded null byte"),
        ({"optimizer": "x" * 300 + ".py"}, "File name too long"),
        ({"file": 3}, "An arm's file must be text, not 3"),
        ({"file": "none.py:A"}, "none.py cannot be read"),
        ({"name": 3}, "An arm's name cannot be 3"),
        ({"name": np.zeros(2)}, "An arm's name cannot be array"),
        ({"decay": ["none"]}, r"There is no decay \['none'\]"),
        ({"sampler": None}, "There is no sampler None"),
        ({"batch_sizes": 3.5}, "batch_sizes = 3.5 is no list of whole numbers"),
        ({"batch_sizes": ("8",)}, "a batch size must be a whole number >= 0, not '8'"),
        ({"fixed": 0.1}, "fixed = 0.1 does not give values by name"),
        ({"fixed": (0.1,)}, "does not give values by name"),
        ({"fixed": {3: 0.1}}, "does not give values by name"),
        ({"fixed": {"lr": "a. b"}}, "Adam.lr must be a number, not 'a. b'"),
        ({"fixed": {"lr": [0.1, 0.2]}}, "Adam.lr must be a number, not"),
        ({"fixed": {"lr": None}}, "Adam.lr must be a number, not None"),
        ({"fixed": {"lr": HUGE}}, "Adam.lr must be > 0 and finite; it is inf"),
        ({"search": 3}, "search = 3 does not give values by name"),
        ({"search": {"lr": 3}}, "The range of adam.lr = 3 is no list of two numbers"),
        ({"search": {"lr": (1,)}}, "adam.lr is searched between two numbers, not in"),
        ({"search": {"lr": (0.1, "1")}}, "An end of adam.lr must be a number, not '1'"),
        ({"search": {"lr": (np.nan, 1)}}, "adam.lr cannot be searched in nan:1"),
        ({"search": {"lr": (1, HUGE)}}, "Adam.lr must be > 0 and finite; it is inf"),
    ],
)
def test_an_arm_of_another_type_is_refused_with_value_and_rule(change, words):
    with pytest.raises(UsageError, match=words) as caught:
        Arm(**({"optimizer": "adam"} | change))
    assert all(str(caught.value).split("\n"))


def test_a_file_s_class_that_is_not_there_is_named(tmp_path):
    (tmp_path / "own.py").write_text("import dlopt\nclass Mine(dlopt.Adam): pass\n")
    for text in ("Other", "dlopt", ""):
        with pytest.raises(UsageError, match=f"own.py has no optimizer '{text}'"):
            user_optimizer.find(f"{tmp_path}/own.py:{text}")
    with pytest.raises(UsageError, match="has no optimizer"):
        user_optimizer.named(f"{tmp_path}/own.py:\ud800")


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("One thing.\nDo it.", ["One thing.", "Do it."]),
        ("It is 'a. b'. Do it.", ["It is 'a. b'.", "Do it."]),
        ("bad", ["bad", "Give another value."]),
    ],
)
def test_an_error_of_another_room_keeps_its_sentence_and_its_remedy(said, parts):
    assert str(reworded(ValueError(said))).split("\n") == parts


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("x = " + "[" * 5_000, "is nested too deeply"),
        ("x = " + "{a=" * 5_000, "is nested too deeply"),
        ("seed = " + "9" * 5_000, "is no TOML file: Exceeds the limit"),
        ("seed = " + "9" * 400, "seed must be a whole number <= 9223372036854775807"),
        ("[set]\n'adam.lr' = " + "9" * 400, "Adam.lr must be > 0 and finite; it is inf"),
        ("[search]\n'adam.lr' = [0.1, " + "9" * 400 + "]", "Adam.lr must be > 0 and finite; it is inf"),
        ("[search]\n'adam.lr' = [nan, nan]", "cannot be searched in nan:nan"),
        ("# " + "x" * 1_000_001, "larger than 1,000,000 bytes"),
    ],
)
def test_a_hostile_file_of_overrides_is_answered(tmp_path, content, words):
    (tmp_path / "study.toml").write_text(content)
    with pytest.raises(UsageError, match=words):
        overrides.asked("default", {"config": tmp_path / "study.toml"})


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/dev/zero", "it is no regular file"),
        ("a\0b", "embedded null byte"),
        ("x" * 300, "File name too long"),
    ],
)
def test_what_is_no_file_of_overrides_at_all_is_answered(path, words):
    with pytest.raises(UsageError, match=rf"cannot be read \({words}"):
        overrides.asked("quick", {"config": path})


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_file_of_overrides_has_any_ends_of_lines(tmp_path, end):
    (tmp_path / "study.toml").write_bytes(f"\ufeffblocks = 6{end}datasets = ['wine']{end}".encode())
    assert overrides.asked("quick", {"config": tmp_path / "study.toml"}).study.blocks == 6


@pytest.mark.parametrize("name", ["x" * 300 + ".py:mine", "a\0b.py:mine", "\ud800.py:mine"])
def test_a_study_in_what_can_be_no_file_is_not_there(name):
    with pytest.raises(UsageError, match="There is no file"):
        overrides.find(name)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"out": "\ud800"}, "--out cannot be"),
        ({"data": "x" * 300 + ".csv", "target": "y"}, "There is no file"),
        ({"data": "a\0b.csv", "target": "y"}, "There is no file"),
    ],
)
def test_a_path_that_nothing_can_have_is_answered(flags, words):
    with pytest.raises(UsageError, match=words):
        overrides.asked("quick", flags)


@pytest.mark.parametrize(
    "said",
    [
        "describe a\0.py",
        "check \ud800.py:A",
        f"check {'x' * 300}.py",
        "list \ud800",
        "describe ٣",
    ],
)
def test_a_hostile_name_is_answered(said):
    options = parser.parse(said.split(" "))
    with pytest.raises(UsageError):
        parser.COMMANDS[options.command](options)
