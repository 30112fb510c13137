"""A pool's arrays are its trainings, and what is resampled from it is read as every study is."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import dlopt
from studies import run
from studies.analysis import readings
from studies.calibration import draw_pool as pools
from studies.calibration import resample
from studies.calibration.draw_pool import FAULTS, USUAL, Pool, load, train_block
from studies.calibration.resample import DRAWS, LEVELS, Question
from studies.folder.read import read_table
from studies.question.arm import Arm
from studies.question.plan import planned
from studies.training.draws import Search, searched
from tests.support.tiny import tiny

SMALL = Pool(
    "wine",
    (("adam", "adam", 1.0), ("adam-half", "adam", 0.5), ("off-by-one", "adam", 1.0), ("sgd", "sgd", 1.0)),
    blocks=2,
    draws=12,
    settings=8,
    epochs=4,
)
SMALL_36 = dataclasses.replace(SMALL, blocks=36)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a small pool."""
    folder = tmp_path_factory.mktemp("pool")
    for block in range(SMALL.blocks):
        train_block(SMALL, block, SMALL.file(folder, block))
    return folder


def test_arms_are_trained_alike_but_for_what_is_planted(trained):
    arms = load(SMALL, trained)
    assert {name: arm["best"].shape for name, arm in arms.items()} == {
        **dict.fromkeys(["adam", "adam-half", "off-by-one", "sgd"], (2, 12)),
        USUAL: (2, 8),
    }
    assert arms["adam-half"]["examples"][-1] == arms["adam"]["examples"][-1] / 2
    assert not np.isin(arms["adam"]["lr"], arms["off-by-one"]["lr"]).any()  # draws of their own
    assert (arms[USUAL]["lr"][0] == arms[USUAL]["lr"][1]).all()  # the same settings in every block
    for arm in arms.values():
        assert len(np.unique(arm["loss"][:, :, 0], axis=1)[0]) == 1  # the shared start
        assert np.array_equal(np.minimum.accumulate(arm["loss"], axis=2), arm["loss"])
        reached = np.isfinite(arm["best"])
        assert arm["loss"][..., -1][reached] == pytest.approx(arm["best"][reached], rel=1e-6)


def test_a_pool_of_something_else_has_other_files(tmp_path):
    names = [
        dataclasses.replace(SMALL, **{field: value}).file(tmp_path, 0).name
        for field, value in [("draws", 12), ("draws", 13), ("epochs", 5), ("widths", (8,)), ("settings", 9)]
    ]
    assert len(set(names)) == 5


def test_one_step_of_the_planted_faults_is_what_they_say():
    grad = np.array([3.0, -0.2])
    fault = FAULTS["off-by-one"](lr=0.1, beta1=0.9, beta2=0.99, eps=0.0)
    step = -fault.step(np.zeros(2), grad, None)[0]
    assert step == pytest.approx(0.1 * np.sign(grad) * (0.1 / 0.19) / np.sqrt(0.01 / 0.0199), rel=1e-12)
    fault, params, state = FAULTS["forgetful"](lr=0.1, rho=0.99, eps=0.0), np.zeros(2), None
    for scale in (1, 50, 0.01):
        before = params
        params, state = fault.step(params, scale * grad, state)
        assert before - params == pytest.approx(0.1 * np.sign(grad) * 10, rel=1e-9)


def test_a_faulty_row_has_the_fault_its_arm_is_named_after():
    plan = SMALL.plan("adam", 4)
    (row, *_) = searched(plan, "wine", Arm("adam", name="off-by-one"), [0])
    made = pools.Faulty(*row).make()
    assert type(made) is pools.OffByOne
    assert isinstance(row.make(), dlopt.Adam)
    assert {name: getattr(made, name) for name in ("lr", "beta1", "beta2")} == {
        name: value for name, value in row.settings if name in ("lr", "beta1", "beta2")
    }


# What is resampled


def arms_of(rows, curves, optimizer, study):
    """The arrays of a pool, of an optimizer's search rows in the tables of a run."""
    key = ["dataset", "block", "optimizer", "kind", "draw"]
    mine = rows[(rows.optimizer == optimizer) & (rows.kind == "search")].sort_values("draw")
    points = dict(list(curves.groupby(key)))
    blocks = []
    for _, own in mine.groupby("block"):
        records = [
            {
                **row._asdict(),
                "curve": {
                    name: points[row.dataset, row.block, row.optimizer, row.kind, row.draw][name].to_numpy()
                    for name in ("examples", "validation_loss")
                },
            }
            for row in own.itertuples()
        ]
        blocks.append(pools._arrays(records))
    found = {
        what: blocks[0][what] if what == "examples" else np.stack([block[what] for block in blocks])
        for what in blocks[0]
    }
    return found | {"recorded": pools.recorded(found["examples"], planned(study))}


@pytest.fixture(scope="module")
def wild(tmp_path_factory):
    """A run in which rows diverge."""
    made = (Arm("sgd", search=(("lr", (1e-3, 1e6)),)), Arm("adam", search=(("lr", (1e-6, 10.0)),)))
    study = tiny(optimizers=made, datasets=("digits",), blocks=3, draws=8, epochs=3)
    path = run(study, out=tmp_path_factory.mktemp("wild") / "run", jobs=1).path
    rows, curves = read_table(path, "rows"), read_table(path, "curves")
    return rows, curves, {arm.name: arms_of(rows, curves, arm.name, study) for arm in made}


@pytest.mark.slow
def test_readings_are_those_of_a_run_to_the_digits_of_a_float32(wild):
    rows, curves, arms = wild
    assert (rows.status == "diverged").sum() > 3
    blocks, drawn = np.arange(3)[None], np.tile(np.arange(8), (1, 3, 1))
    read = readings.search_readings(rows).set_index(["optimizer", "block"]).search_error
    for name, arm in arms.items():
        assert resample.errors(arm, blocks, drawn)[0].tolist() == read[name].sort_index().tolist()
    sides = [resample.descents(arms[name], blocks, drawn) for name in ("sgd", "adam")]
    expected = readings.log_ratios(readings.envelopes(rows, curves), ["sgd", "adam"]).log_ratio
    assert resample.ratios(*sides)[0] == pytest.approx(expected.to_numpy(), abs=1e-5)


def invented(rng, blocks=36, draws=120, sizes=2, effect=0.0):
    """An arm whose rows are noise, and its errors as much larger as `effect`."""
    quality = rng.random((blocks, draws))
    return {
        "best": quality,
        "error": quality + 0.05 * rng.normal(size=(blocks, draws)) + effect,
        "lr": 10 ** rng.uniform(-4, 0, (blocks, draws)),
        "size": np.tile(np.arange(draws) % sizes, (blocks, 1)),
        "decay": np.tile(np.arange(draws) // sizes % 2 == 1, (blocks, 1)),
        "examples": np.array([0, 100, 200]),
        "recorded": np.ones((sizes, 3), bool),
        "loss": np.stack([np.ones_like(quality), 0.8 - 0.1 * quality, 0.5 - 0.1 * quality], axis=-1),
    }


@given(st.integers(0, 2**32 - 1), st.sampled_from([4, 5, 16]))
def test_a_search_is_spread_over_sizes_and_decay_as_a_real_one(seed, draws):
    rng = np.random.default_rng(seed)
    arm, blocks = invented(rng, draws=60), rng.integers(0, 36, (2, 3))
    drawn = resample.searches(arm, blocks, draws, rng)
    for (i, j), block in np.ndenumerate(blocks):
        own = drawn[i, j]
        assert len(set(own.tolist())) == draws
        turns = list(zip(arm["size"][block][own].tolist(), arm["decay"][block][own].tolist(), strict=True))
        expected = [resample.size_and_decay(draw, int(block), 2) for draw in range(draws)]
        assert turns == [(size, bool(decay)) for size, decay in expected]


def test_the_layout_of_a_search_is_what_a_search_asks_for():
    study = tiny(optimizers=("sgd",), datasets=("moons",), draws=8)
    search = Search(planned(study), "moons", study.arms[0], 5)
    rows = [search.ask() for _ in range(8)]
    expected = [resample.size_and_decay(draw, 5, len(search.sizes)) for draw in range(8)]
    assert [(search.sizes.index(row.batch_size), int(row.decay != "none")) for row in rows] == expected


def test_a_cut_leaves_only_rates_below_it():
    rng = np.random.default_rng(0)
    arm, blocks = invented(rng), rng.integers(0, 36, (20, 10))
    drawn = resample.searches(arm, blocks, DRAWS, rng, cut=10.0)
    assert (arm["lr"][blocks[..., None], drawn] <= resample.best_rate(arm) / 10).all()
    with pytest.raises(ValueError, match="no draw left"):
        resample.searches(arm, blocks, DRAWS, rng, cut=1e6)


def test_blocks_repeat_only_when_all_were_taken():
    few = resample.blocks_of(SMALL, 2, 50, np.random.default_rng(0))
    assert {tuple(sorted(study)) for study in few.tolist()} == {(0, 1)}
    many = resample.blocks_of(SMALL, 5, 50, np.random.default_rng(0))
    assert {tuple(np.bincount(study)) for study in many} == {(2, 3), (3, 2)}


def test_a_slower_copy_needs_so_many_times_the_examples():
    examples = np.arange(0, 4001, 10)
    loss = np.exp(-np.linspace(0, 8, 401))[None, None]
    zero = np.zeros((1, 1), int)
    arm = {"examples": examples, "loss": loss.astype(np.float32), "best": zero, "size": zero}
    arm["recorded"] = np.ones((1, 401), bool)
    fast, slow = (resample.descents(arm, zero, zero[..., None], slower) for slower in (1.0, 1.25))
    assert resample.ratios(slow, fast)[0, 0] == pytest.approx(np.log(1.25), abs=0.01)


def test_arms_meet_in_the_same_blocks(monkeypatch, tmp_path):
    arm = invented(np.random.default_rng(0))
    for what, where in (("best", ...), ("error", ...), ("loss", (..., slice(1, None)))):
        arm[what][where] = np.arange(36).reshape(-1, *[1] * (arm[what].ndim - 1)) / 99  # of the block alone
    monkeypatch.setattr(resample, "_loaded", lambda pool, folder: {"adam": arm})
    found = resample.differences(Question("2 copies", (SMALL_36,), "adam", "adam"), tmp_path, 20, 0)
    assert all((d == 0).all() for d in found.values())


@pytest.fixture
def planted(monkeypatch):
    """Pools whose arms are invented: one and its copy, one that is worse, and the usual design's."""
    rng = np.random.default_rng(1)
    arms = {"adam": invented(rng), "worse": invented(rng, effect=0.04), USUAL: invented(rng, draws=256)}
    monkeypatch.setattr(resample, "_loaded", lambda pool, folder: arms)
    return arms


def test_equal_arms_are_called_different_as_often_as_the_level_says(planted, tmp_path):
    same = Question("2 copies", (SMALL_36,), "adam", "adam")
    found = resample.ask(same, tmp_path, 1000, 0)
    for (_, level), (better, worse) in found.items():
        assert stats.binomtest(better + worse, 1000, level).pvalue > 1e-3
        assert stats.binomtest(better, max(better + worse, 1), 0.5).pvalue > 1e-3


def test_a_planted_difference_is_found_the_right_way_round(planted, tmp_path):
    found = resample.ask(Question("worse", (SMALL_36,), "adam", "worse", 60), tmp_path, 200, 0)
    better, worse = found["error", LEVELS[0]]
    assert better > 100 > worse
    alike = found["ratio", LEVELS[0]]
    assert sum(alike) < 40  # its losses are no worse


def test_copies_count_studies_with_any_call(planted, tmp_path):
    alarms = resample.copies([SMALL_36], "adam", tmp_path, 100, 0)
    assert all(stats.binomtest(n, 100, 0.05, alternative="greater").pvalue > 1e-3 for n in alarms.values())


def test_the_usual_design_errs_where_settings_differ_and_not_where_they_do_not(planted, tmp_path):
    rng, usual = np.random.default_rng(2), dataclasses.replace(SMALL_36, settings=256)
    arm = planted[USUAL]
    arm["best"], arm["error"] = rng.random((2, 36, 256))  # nothing but seeds differs
    assert stats.binomtest(resample.usual(usual, tmp_path, 2, 400, 0), 400, 0.05).pvalue > 1e-3
    effect = rng.random(256)
    arm["best"] = effect + 0.01 * rng.random((36, 256))
    arm["error"] = effect[::-1] + 0.01 * rng.random((36, 256))
    assert resample.usual(usual, tmp_path, 2, 100, 0) > 90
    assert resample.usual(usual, tmp_path, 8, 20, 0) == 20
