import dataclasses
import itertools
import json
from collections import Counter

import numpy as np
import pytest

import datasets
import dlopt
from dlopt import hyperparameters
from studies.catalog import STUDIES
from studies.errors import UsageError
from studies.question.arm import Arm
from studies.question.budget import budget
from studies.question.plan import planned
from studies.question.study import Study
from studies.training.draws import Search, size_and_decay
from studies.training.rows import Row, choosing_blocks, confirming_blocks
from studies.training.stacks import MOST, Stack, stacks, train_stacks
from tests.support.tiny import tiny


def search_rows(study, dataset, optimizer, block):
    """A whole search and its untuned row, as the runner asks for them."""
    arm = (
        next(arm for arm in study.arms if arm.name == optimizer) if isinstance(optimizer, str) else optimizer
    )
    plan = planned(dataclasses.replace(study, datasets=(dataset,)))
    search = Search(plan, dataset, arm, block)
    return [*(search.ask() for _ in range(study.draws)), search.untuned()]


def all_rows(study):
    return [
        row
        for dataset in study.datasets
        for block in range(study.blocks)
        for arm in study.arms
        for row in search_rows(study, dataset, arm, block)
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("digits", (38, (64, 128, 256, 512), dlopt.MLP(64))),
        ("breast_cancer", (118, (64, 128, 256), dlopt.MLP(32))),
        ("wine", (200, (64,), dlopt.MLP(32))),
        ("diabetes", (152, (64, 128, 256), dlopt.MLP(32))),
    ],
)
def test_the_budget_follows_the_rule(name, expected):
    assert budget(datasets.load(name)) == expected


def test_a_split_of_at_most_64_rows_trains_on_the_full_batch():
    small = datasets.Dataset("small", np.zeros((100, 2)), np.zeros(100), 0)
    assert small.n_train == 60
    assert budget(small) == (200, (60,), dlopt.MLP(32))


@pytest.mark.parametrize("sizes", [1, 2, 3, 4])
def test_batch_sizes_and_decay_are_spread_evenly(sizes):
    for block in range(12):
        given = [size_and_decay(draw, block, sizes) for draw in range(16)]
        counts = Counter(size for size, _ in given)
        assert max(counts.values()) - min(counts.values()) <= (16 % sizes != 0)
        assert abs(sum(decay for _, decay in given) - 8) <= 1
        for size in range(sizes):
            halves = Counter(decay for s, decay in given if s == size)
            assert abs(halves[0] - halves[1]) <= 1


@pytest.mark.parametrize("sampler", ["random", "qmc"])
@pytest.mark.parametrize("optimizer", dlopt.OPTIMIZERS)
def test_draws_are_inside_their_ranges_and_come_again(optimizer, sampler):
    arm = Arm(optimizer, sampler=sampler)
    study = tiny(optimizers=(arm,), draws=16)
    rows = search_rows(study, "digits", arm, 3)
    assert rows == search_rows(study, "digits", arm, 3)
    assert [row.draw for row in rows if row.kind == "search"] == list(range(16))
    for row in rows[:-1]:
        settings = dict(row.settings)
        for name, field in hyperparameters.searched(dlopt.OPTIMIZERS[optimizer]).items():
            low, high = field.search
            searched = field.to_trial(settings[name])
            assert low <= searched <= high
            assert searched == float(f"{searched:.3e}")  # four digits, also of a distance to 1
        assert row.decay in arm.decays()
        if arm.kind.scheduled:
            assert ("gamma" in settings) == (row.decay == "exponential")


def test_draws_cover_the_log_range_evenly():
    rows = [
        r for b in range(40) for r in search_rows(tiny(draws=16), "wine", "adam", b) if r.kind == "search"
    ]
    place = (np.log10([dict(r.settings)["lr"] for r in rows]) + 5) / 5
    counts, _ = np.histogram(place, bins=8, range=(0, 1))
    expected = len(rows) / 8
    assert ((counts - expected) ** 2 / expected).sum() < 24.3  # chi-square with 7 degrees, 1 in 1,000


def test_draws_are_fresh_in_every_block_dataset_and_optimizer():
    study = tiny(optimizers=("adam", "rmsprop"))
    made = [
        search_rows(study, dataset, optimizer, block)[0]
        for dataset, optimizer, block in itertools.product(("wine", "digits"), ("adam", "rmsprop"), range(3))
    ]
    assert len({dict(row.settings)["lr"] for row in made}) == len(made)
    assert search_rows(tiny(seed=1), "wine", "adam", 0)[0].settings != made[0].settings


def test_the_untuned_row_has_the_defaults_at_the_middle_batch_size():
    for name, size in (("digits", 128), ("diabetes", 128), ("wine", 64)):
        *_, untuned = search_rows(tiny(), name, "adam", 0)
        assert (untuned.kind, untuned.batch_size, untuned.decay) == ("untuned", size, "none")
        assert dict(untuned.settings) == {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


def test_every_optimizer_gets_the_same_number_of_trainings_at_each_batch_size():
    study = STUDIES["default"].settled()
    rows = all_rows(dataclasses.replace(study, datasets=("digits",), blocks=2))
    counts = Counter((r.optimizer, r.block, r.batch_size) for r in rows if r.kind == "search")
    assert set(counts.values()) == {4}


def test_all_optimizers_of_a_block_and_batch_size_train_in_one_stack():
    study = tiny(datasets=("diabetes",), blocks=2)
    tasks = stacks(planned(study), all_rows(study))
    assert len(tasks) == 2
    for task in tasks:
        assert [stack.batch_size for stack in task] == [64, 128, 256]
        for stack in task:
            assert {row.optimizer for row in stack.rows} == {"sgd", "adam"}


def test_small_blocks_that_hold_the_same_share_a_task_and_give_the_records_of_each_alone():
    study = tiny(datasets=("diabetes",), blocks=7)
    tasks = stacks(planned(study), all_rows(study))
    assert sorted(sorted({stack.block for stack in task}) for task in tasks) == [[0, 3, 6], [1, 4], [2, 5]]
    task = max(tasks, key=len)
    for stack, together in zip(task, train_stacks(task), strict=True):
        (alone,) = train_stacks([stack])
        for a, b in zip(alone, together, strict=True):
            assert {k: v for k, v in a.items() if k not in ("curve", "seconds")} == {
                k: v for k, v in b.items() if k not in ("curve", "seconds")
            }
            for name, values in a["curve"].items():
                assert values.tobytes() == b["curve"][name].tobytes()


def test_a_task_is_no_more_blocks_than_a_core_caches():
    study = tiny(datasets=("digits",), blocks=8, optimizers=dlopt.DEFAULT, draws=16)
    assert len(stacks(planned(study), all_rows(study))) == 8
    many = tiny(datasets=("wine",), blocks=60, optimizers=("sgd",), draws=2)
    assert {len(task) for task in stacks(planned(many), all_rows(many))} == {MOST, 60 % MOST}


def test_a_stack_pairs_its_rows_on_the_same_start():
    study = tiny(datasets=("wine",), blocks=1)
    (task,) = stacks(planned(study), all_rows(study))
    (records,) = train_stacks(task)
    assert len({record["curve"]["validation_loss"][0] for record in records}) == 1
    assert len({record["best_validation_loss"] for record in records}) > 1


def test_a_row_makes_the_optimizer_that_its_settings_say():
    settings = (("lr", 0.1), ("beta1", 0.5), ("gamma", 0.9))
    row = Row("wine", 0, "an arm", "search", 0, 64, "exponential", settings, "adam")
    made = row.make()
    assert (made.lr, made.beta1, made.beta2) == (0.1, 0.5, 0.999)
    assert made.schedule.gamma == 0.9


def test_records_keep_settings_exactly():
    row = search_rows(tiny(), "wine", "adam", 0)[0]
    ((record,),) = train_stacks(
        [Stack(planned(tiny()).facts["wine"], 0, 64, 1, dlopt.MLP(4), 0, "error", (row,))]
    )
    assert json.loads(record["settings"]) == dict(row.settings)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"optimizers": ()}, "list of optimizers is empty"),
        ({"datasets": ()}, "list of datasets is empty"),
        ({"optimizers": ("adm",)}, "no optimizer 'adm'.\nDid you mean adam"),
        ({"datasets": ("wein",)}, "no dataset 'wein'.\nDid you mean wine"),
        ({"blocks": 0}, "blocks must be a whole number >= 1, not 0"),
        ({"blocks": -3}, "-3"),
        ({"draws": 1}, "draws .* >= 2, not 1"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": 2.5}, "2.5"),
        ({"seed": -1}, "seed"),
        ({"blocks": 1_000_001}, "blocks must be a whole number <= 100000, not 1000001"),
        ({"epochs": 10**400}, "more than 20 digits"),
    ],
)
def test_a_study_out_of_range_is_refused_with_value_and_rule(change, words):
    with pytest.raises(UsageError, match=words):
        tiny(**change)


def test_the_named_studies_are_those_of_the_readme():
    assert isinstance(STUDIES["default"], Study)
    assert STUDIES["default"].settled().blocks == 20
    assert STUDIES["default"].draws == 16


def test_an_arm_with_something_fixed_draws_the_rest():
    arm = Arm("adam", name="set", fixed=(("beta1", 0.8),), search=(("lr", (0.01, 0.02)),), decay="cosine")
    rows = search_rows(tiny(optimizers=(arm,), draws=8), "wine", "set", 0)
    for row in rows[:-1]:
        settings = dict(row.settings)
        assert settings["beta1"] == 0.8
        assert 0.01 <= settings["lr"] <= 0.02
        assert (row.decay, settings["epochs"], row.uses, row.optimizer) == ("cosine", 3, "adam", "set")
        assert row.make().schedule.epochs == 3
    assert len({dict(row.settings)["beta2"] for row in rows[:-1]}) == 8
    assert dict(rows[-1].settings) == {"lr": 0.001, "beta1": 0.8, "beta2": 0.999, "eps": 1e-8}


def test_a_range_of_beta_is_given_in_beta():
    arm = Arm("adam", search=(("beta1", (0.8, 0.995)),))
    rows = search_rows(tiny(optimizers=(arm,), draws=16), "wine", "adam", 0)[:-1]
    betas = [dict(row.settings)["beta1"] for row in rows]
    assert 0.8 <= min(betas) < 0.9
    assert 0.96 < max(betas) <= 0.995


def test_batch_sizes_of_an_arm_are_its_own_and_0_is_the_full_batch():
    arm = Arm("sgd", batch_sizes=(8, 0))
    rows = search_rows(tiny(optimizers=(arm,), draws=8), "wine", "sgd", 0)
    assert Counter(row.batch_size for row in rows[:-1]) == {8: 4, 106: 4}


def test_qmc_draws_fill_the_range_more_evenly_than_random_ones():
    def gaps(sampler):
        arm = Arm("adam", sampler=sampler)
        found = []
        for block in range(8):
            rows = search_rows(tiny(optimizers=(arm,), draws=16), "wine", "adam", block)[:-1]
            places = np.sort(np.log10([dict(row.settings)["lr"] for row in rows]))
            found.append(np.diff(places).max())
        return np.mean(found)

    assert gaps("qmc") < 0.7 * gaps("random")


def test_qmc_gives_every_batch_size_both_halves_of_the_learning_rates():
    arm, split, cells = Arm("adam", sampler="qmc"), 0, 0
    for block in range(10):
        rows = search_rows(tiny(optimizers=(arm,), datasets=("digits",), draws=16), "digits", "adam", block)
        for size in (64, 128, 256, 512):
            lrs = [dict(row.settings)["lr"] for row in rows[:-1] if row.batch_size == size]
            split += min(lrs) < 10**-2.5 < max(lrs)
            cells += 1
    assert split > 0.7 * cells


def test_one_dataset_gets_60_blocks_and_several_20_unless_said():
    assert tiny(datasets=("wine",), blocks=None).settled().blocks == 60
    assert tiny(blocks=None).settled().blocks == 20
    assert tiny(blocks=None).settled(7).blocks == 7
    assert tiny(blocks=5).settled(7).blocks == 5


def test_tpe_looks_at_what_it_was_told():
    arm = Arm("sgd", sampler="tpe", batch_sizes=(64,), decay="none")
    found = {}
    for best in (1e-3, 1.0):
        search = Search(planned(tiny(optimizers=(arm,), draws=30)), "wine", arm, 0)
        for _ in range(30):
            lr = dict(search.ask().settings)["lr"]
            search.tell(abs(np.log10(lr / best)))
            found.setdefault(best, []).append(np.log10(lr))
    assert found[1e-3][0] == found[1.0][0]  # the first one knew nothing yet
    assert np.median(found[1e-3][12:]) < -2 < -1 < np.median(found[1.0][12:])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"optimizer": "adm"}, "Did you mean adam"),
        ({"decay": "cosin"}, "Did you mean cosine"),
        ({"sampler": "tpee"}, "Did you mean tpe"),
        ({"fixed": (("beta3", 1.0),)}, "Adam has no 'beta3'"),
        ({"fixed": (("beta1", 1.0),)}, r"Adam.beta1 must lie in \[0, 1\); it is 1"),
        ({"fixed": (("lr", float("nan")),)}, "nan"),
        ({"search": (("lr", (0.1, 0.01)),)}, "cannot be searched in 0.1:0.01"),
        ({"search": (("lr", (0.0, 0.01)),)}, "Adam.lr must be > 0"),
        ({"search": (("beta1", (0.5, 1.0)),)}, "beta1 must lie in"),
        ({"fixed": (("lr", 0.1),), "search": (("lr", (0.1, 0.2)),)}, "both set and searched"),
    ],
)
def test_an_arm_out_of_range_is_refused(change, words):
    with pytest.raises(UsageError, match=words):
        Arm(**({"optimizer": "adam"} | change))


def test_a_batch_larger_than_the_training_rows_is_refused():
    arm = Arm("sgd", batch_sizes=(128,))
    with pytest.raises(UsageError, match="A batch of 128 is larger than the 106 training rows of wine"):
        search_rows(tiny(optimizers=(arm,)), "wine", "sgd", 0)


def test_confirming_blocks_are_none_that_a_search_could_have():
    with pytest.raises(UsageError, match="blocks"):
        Study("x", ("sgd",), ("wine",), blocks=100_001)
    for blocks, count in ((4, 20), (30, 30)):
        fresh = confirming_blocks(Study("x", ("sgd",), ("wine",), blocks=blocks))
        assert (len(fresh), fresh.start > 100_000) == (count, True)


def test_blocks_that_choose_confirm_and_search_have_none_in_common():
    for study in (tiny(), tiny(blocks=100_000, optimizers=("sgd",), datasets=("wine",), fresh=100_000)):
        sets = [set(range(study.blocks)), set(choosing_blocks(study)), set(confirming_blocks(study))]
        assert len(set.union(*sets)) == sum(map(len, sets))
        assert len(sets[1]) == study.fresh
        assert len(sets[2]) == max(study.fresh, study.blocks)


def test_the_order_of_arms_is_the_house_s_own():
    arms = [Arm("adam"), Arm("sgd", name="b", batch_sizes=(16,)), Arm("sgd", name="a", batch_sizes=(8,))]
    assert [arm.name for arm in tiny(optimizers=tuple(arms)).arms] == ["a", "b", "adam"]
    assert [arm.name for arm in tiny(optimizers=tuple(arms[::-1])).arms] == ["a", "b", "adam"]


@pytest.mark.parametrize("metric", ["error", "balanced-error", "loss"])
def test_a_metric_is_what_is_read_on_test(metric):
    study = tiny(datasets=("wine",), blocks=1, metric=metric)
    (task,) = stacks(planned(study), all_rows(study))
    block = datasets.load("wine").block(0)
    for record, row in zip(train_stacks(task)[0], task[0].rows, strict=True):
        run = dlopt.train(dlopt.MLP(32), block, row.make(), batch_size=64, epochs=3)
        wrong = run.predict(block.X_test) != block.y_test
        classes = [np.mean(wrong[block.y_test == c]) for c in range(3)]
        expected = {"error": wrong.mean(), "balanced-error": np.mean(classes), "loss": run.test_losses[0]}
        assert record["test_error"] == pytest.approx(
            1.0 if run.status[0] == "diverged" and metric != "loss" else expected[metric]
        )


def test_balanced_error_of_a_regression_is_refused():
    with pytest.raises(UsageError, match="balanced-error is a metric for classes, and diabetes"):
        planned(tiny(metric="balanced-error"))
