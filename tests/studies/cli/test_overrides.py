"""Flags over a TOML file over the named study."""

import pytest

from studies.catalog import STUDIES
from studies.cli.overrides import asked, network, setting, span
from studies.errors import UsageError


def ask(name="default", **flags):
    return asked(name, flags)


def config(tmp_path, text):
    path = tmp_path / "study.toml"
    path.write_text(text)
    return path


def arm(study, name):
    return next(arm for arm in study.arms if arm.name == name)


def test_a_setting_holds_one_hyperparameter_of_one_optimizer():
    found = ask(set=setting("adam.beta2=0.99"))
    assert dict(arm(found.study, "adam").fixed) == {"beta2": 0.99}
    assert not arm(found.study, "adamw").fixed
    assert str(found.out) == "runs/default--adam.beta2=0.99"


def test_a_search_range_is_in_the_hyperparameter_s_own_units():
    found = ask(search=span("adam.beta1=0.8:0.995"))
    assert dict(arm(found.study, "adam").search) == {"beta1": (0.8, 0.995)}
    (_, ends) = arm(found.study, "adam").ranges(None)["beta1"]
    assert ends == pytest.approx((0.005, 0.2))


def test_a_setting_on_a_study_of_arms_joins_what_they_hold():
    found = ask("betas", set=setting("momentum.lr=0.5"))
    assert dict(arm(found.study, "momentum-beta=0.9").fixed) == {"beta": 0.9, "lr": 0.5}


def test_batch_sizes_are_the_powers_of_two_of_a_range():
    found = ask(search=span("batch_size=16:100"))
    assert {arm.batch_sizes for arm in found.study.arms} == {(16, 32, 64)}
    found = ask("batch-size", search=span("batch_size=1:4"), optimizers=("sgd",))
    assert [arm.name for arm in found.study.arms] == [f"sgd-batch-{size}" for size in (1, 2, 4, "full")]


def test_model_metric_and_sampler_change_the_study_and_its_folder():
    found = ask(model="mlp:64,32", metric="loss", sampler="qmc", seed=3)
    assert (found.study.widths, found.study.metric, found.study.seed) == ((64, 32), "loss", 3)
    assert {arm.sampler for arm in found.study.arms} == {"qmc"}
    assert str(found.out) == "runs/default--seed=3--metric=loss--model=mlp:64,32--sampler=qmc"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linear", {"widths": ()}),
        ("mlp", {"widths": None}),
        ("mlp:8", {"widths": (8,)}),
        ("mlp:8,4", {"widths": (8, 4)}),
        ("mlp:activation=tanh", {"widths": None, "activation": "tanh"}),
        ("linear:weight_decay=1e-3", {"widths": (), "weight_decay": 1e-3}),
        ("mlp:8,init=glorot,4", {"widths": (8, 4), "init": "glorot"}),
    ],
)
def test_models_are_linear_or_mlps_of_any_widths_and_options(text, expected):
    assert network(text) == expected
    study = ask(model=text).study
    assert {key: getattr(study, key) for key in expected} == expected


@pytest.mark.parametrize(
    "text",
    ["cnn", "mlp:x", "linear:8", "mlp:8,depth=3", "mlp:weight_decay=much", "mlp:8,,4", "mlp:=tanh", ""],
)
def test_other_models_are_refused_with_those_that_are(text):
    with pytest.raises(UsageError, match="There is no model") as caught:
        ask(model=text)
    assert "mlp:64,64" in str(caught.value).splitlines()[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mlp:activation=relo", "MLP has no activation 'relo'."),
        ("mlp:init=", "MLP has no init ''."),
        ("mlp:weight_decay=-1", "must be a finite number >= 0, not -1.0"),
    ],
)
def test_options_of_a_model_out_of_range_are_named(text, said):
    with pytest.raises(UsageError, match=said) as caught:
        ask(model=text)
    assert len(str(caught.value).splitlines()) == 2


def test_a_model_with_options_has_one_folder_however_it_is_written():
    plain, long = "mlp:activation=tanh,weight_decay=1e-4", "mlp:weight_decay=0.0001,activation=tanh"
    assert str(ask(model=plain).out) == str(ask(model=long).out)
    assert ask(model=plain).out.name == "default--model=mlp:activation=tanh,weight_decay=0.0001"
    assert ask(model="mlp:activation=relu").out.name == "default"
    assert ask(model="mlp:64,activation=relu").out.name == ask(model="mlp:64").out.name
    with pytest.raises(UsageError, match="twice"):
        ask(model="mlp:activation=tanh,activation=gelu")


def test_what_only_grows_a_run_keeps_its_folder():
    found = ask(blocks=40, optimizers=("sgd",), datasets=("wine",))
    assert str(found.out) == "runs/default"
    assert [arm.name for arm in found.study.arms] == ["sgd"]


def test_a_study_of_arms_is_narrowed_by_optimizer_or_by_arm():
    assert len(ask("betas", optimizers=("momentum",)).study.arms) == 5
    assert [a.name for a in ask("betas", optimizers=("rmsprop-rho=0.9",)).study.arms] == ["rmsprop-rho=0.9"]
    with pytest.raises(UsageError, match=r"has no optimizer 'sgd'"):
        ask("betas", optimizers=("sgd",))


def test_a_file_gives_the_same_names_and_a_flag_comes_first(tmp_path):
    text = """
        datasets = ["wine"]
        blocks = 6
        trials = 8
        model = "mlp:16"
        jobs = 1
        [set]
        "adam.beta2" = 0.99
        [search.sgd]
        lr = [0.01, 1]
    """
    path = config(tmp_path, text)
    found = ask(config=path, blocks=7, set=setting("adam.beta1=0.5"))
    study = found.study
    assert (study.datasets, study.blocks, study.draws, study.widths, found.jobs) == (
        ("wine",),
        7,
        8,
        (16,),
        1,
    )
    assert dict(arm(study, "adam").fixed) == {"beta2": 0.99, "beta1": 0.5}
    assert dict(arm(study, "sgd").search) == {"lr": (0.01, 1.0)}
    assert (
        str(found.out)
        == "runs/default--draws=8--model=mlp:16--adam.beta1=0.5--adam.beta2=0.99--sgd.lr=0.01:1"
    )


def test_the_order_of_flags_changes_nothing():
    one = {**setting("adam.lr=0.1"), **setting("adam.beta1=0.5")}
    other = {**setting("adam.beta1=0.5"), **setting("adam.lr=0.1")}
    assert ask(set=one).out == ask(set=other).out
    assert arm(ask(set=one).study, "adam").spec() == arm(ask(set=other).study, "adam").spec()


def test_two_values_never_share_a_folder():
    near = [ask(set=setting(f"adam.lr=0.1234567{digit}")).out for digit in (8, 9)]
    assert near[0] != near[1]
    assert str(ask(set=setting("adam.beta2=0.99999999")).out).endswith("beta2=0.99999999")


def test_what_the_named_study_says_already_is_no_other_question():
    assert str(ask(sampler="random", model="mlp", metric="error", seed=0, draws=16).out) == "runs/default"


def test_every_named_study_is_a_question_in_words():
    for name, study in STUDIES.items():
        assert study.name == name
        assert "?" in study.about or name == "quick"
        assert len({arm.name for arm in study.arms}) == len(study.arms)


def test_the_named_studies_are_as_large_as_they_say():
    assert len(STUDIES["default"].arms) == 8
    assert len(STUDIES["default"].datasets) == 6
    assert len(STUDIES["betas"].arms) == 5 + 5 + 25
    assert len(STUDIES["batch-size"].arms) == 3 * 8
    assert len(STUDIES["decay"].arms) == 2 * 7


OWN = """
from studies import Arm, Study

my_study = Study(name="mine", optimizers=("sgd", Arm("adam", decay="cosine")), datasets=("wine",), blocks=3)
"""


def test_a_study_of_one_s_own_is_found_in_its_file(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    found = ask(f"{tmp_path}/own.py:my_study", draws=8)
    assert (found.study.name, found.study.draws, str(found.out)) == ("mine", 8, "runs/mine--draws=8")
    assert [arm.title for arm in found.study.arms] == ["SGD", "Adam · cosine"]


def test_an_ablation_is_one_more_arm_that_the_whole_one_is_held_against():
    given = {"optimizers": ("sgd", "adam"), "ablate": {"adam.beta1": 0.0, "adam.eps": 1e-3}}
    study = asked("quick", given).study
    names = [arm.name for arm in study.arms]
    assert names == ["sgd", "adam", "adam-beta1=0", "adam-eps=0.001"]
    assert study.arms[2].fixed == (("beta1", 0.0),)
    assert study.challengers == ("adam",)
    assert asked("quick", {"optimizers": ("sgd", "adam")}).study.challengers == ()


@pytest.mark.parametrize("key", ["adam", "nobody.beta1", "beta1"])
def test_an_ablation_names_an_optimizer_and_a_part(key):
    with pytest.raises(UsageError, match=r"names no optimizer of this study\.\nWrite OPTIMIZER\.FIELD=VALUE"):
        asked("quick", {"ablate": {key: 0.0}})
