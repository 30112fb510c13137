"""Claims by the clock: on this machine, on tables, and in worlds whose clock goes as we say."""

import subprocess
import sys

import numpy as np
import pytest

import dlopt
from dlopt import models, training
from studies.analysis.verdicts import FAILS, HOLDS, OPEN, PARTLY
from studies.claims.claim import declared, evidence
from studies.claims.minibatches import clock, memory
from tests.support.claimed import verdict

CLOCKED = declared(clock=True)
NAN = float("nan")


@pytest.fixture
def world(monkeypatch):
    """A clock that each gradient moves on by what a law says of its batch size; nothing is computed."""

    def make(law, real=False):
        time, gradient = [0.0], models.Network.gradient

        def counted(self, batch):
            time[0] += law(batch.size)
            return gradient(self, batch) if real else np.zeros(self.rows, self.params.dtype)

        monkeypatch.setattr(models.Network, "gradient", counted)
        monkeypatch.setattr(training, "missing", lambda: "Compiled gradients are not counted.")
        monkeypatch.setattr(clock, "now", lambda: time[0])
        monkeypatch.setattr(clock, "TURNS", 6)
        monkeypatch.setattr(memory, "TURNS", 12)
        monkeypatch.setattr(clock, "QUIET", 1)
        monkeypatch.setattr(memory, "child", lambda rows: 3.0 if rows > 10**6 else 0.0)
        monkeypatch.setattr(memory, "caches", lambda: {1: 0.03, 2: 0.5, 3: 8.0})

    return make


def asked(number):
    seen = CLOCKED[number].measure()
    return seen, CLOCKED[number].judge(seen)


# On this machine: what no machine that we know of does otherwise


def test_vectorization_and_growth_with_rows_hold_here(monkeypatch):
    monkeypatch.setattr(clock, "TURNS", 8)
    for number in (2, 3):
        seen, judged = asked(number)
        assert judged.verdict in (HOLDS, OPEN), seen.to_string()  # a busy machine may not tell
        assert judged.low <= judged.effect <= judged.high


def test_turns_time_what_is_called_and_leave_the_collector_as_it_was(monkeypatch):
    time, order = [0.0], []

    def spend(name, seconds):
        order.append(name)
        time[0] += seconds

    monkeypatch.setattr(clock, "now", lambda: time[0])
    found = clock.in_turns({"a": lambda: spend("a", 1), "b": lambda: spend("b", 3)}, 20)
    assert found["a"].tolist() == [1] * 20
    assert found["b"].tolist() == [3] * 20
    assert order[:2] == ["a", "b"]  # the warm-up
    assert {tuple(order[i : i + 2]) for i in range(2, 42, 2)} == {("a", "b"), ("b", "a")}
    assert clock.gc.isenabled()


def test_a_step_that_is_timed_is_a_step_of_training():
    call = clock.stepper(100, 32, 3)
    cells = dict(zip(call.__code__.co_freevars, (c.cell_contents for c in call.__closure__), strict=True))
    before = cells["stack"].params.copy()
    call()
    assert cells["state"].t == 3
    assert not np.array_equal(before, cells["stack"].params)


def test_a_loop_over_rows_makes_the_step_of_the_whole_batch():
    loop, step = clock.python_loop(50), clock.stepper(50, 50)
    ends = []
    for call in (loop, step):
        call()
        cells = dict(zip(call.__code__.co_freevars, call.__closure__, strict=True))
        ends.append(cells["stack"].cell_contents.params.copy())
    assert ends[0] == pytest.approx(ends[1], abs=1e-6)


# Claim 1


@pytest.mark.slow
def test_sooner_follows_the_clock(world, monkeypatch):
    monkeypatch.setattr(clock, "RATES", (3.0,))
    monkeypatch.setattr(clock, "BLOCKS", 6)
    world(lambda size: 1 + size / 100, real=True)
    seen, judged = asked(1)
    assert judged.verdict == HOLDS
    whole, seconds = 10 * (1 + 72), 10 * (113 + 72)  # 10 epochs; 112 steps on 64 rows and one on 32
    share = seen[seen.what == "batch 64"].value.to_numpy()
    data = clock.datasets.load("hard")
    runs = [
        [
            clock.best_so_far(
                dlopt.train(dlopt.MLP(32), data.block(i), dlopt.SGD(lr=[3.0]), batch_size=size, epochs=10)
            )
            for size in (7200, 64)
        ]
        for i in range(6)
    ]
    ratios = np.median([clock.times_as_many(*pair) for pair in runs], axis=0)
    assert share == pytest.approx(ratios * whole / seconds, rel=1e-9)


def test_where_steps_are_dear_the_full_batch_is_sooner(world, monkeypatch):
    monkeypatch.setattr(clock, "RATES", (3.0,))
    monkeypatch.setattr(clock, "BLOCKS", 6)
    world(lambda size: 1000.0, real=True)
    assert asked(1)[1].verdict == FAILS


# Claim 2


@pytest.mark.parametrize(
    ("law", "expected"),
    [
        (lambda size: 1 + size / 100, HOLDS),
        (lambda size: size, FAILS),  # a machine that gains nothing by taking many at once
        (lambda size: 1 + 1.2 * size, FAILS),  # 1.8 times
    ],
)
def test_vectorization_is_worth_what_the_clock_says(world, law, expected):
    world(law)
    seen, judged = asked(2)
    assert judged.verdict == expected
    times = seen[(seen.what == "times a batch of one") & (seen.x == 64)].value.item()
    assert times == pytest.approx(1024 * law(1) / (16 * law(64)))


def test_vectorization_in_part_and_undecided():
    def two(*intervals):
        names = (("times a batch of one", 64), ("times a Python loop", 256))
        return evidence(*((*n, (a + b) / 2, a, b, NAN) for n, (a, b) in zip(names, intervals, strict=True)))

    assert verdict(2, two((3, 4), (1, 1.5)), clock=True) == PARTLY
    assert verdict(2, two((3, 4), (1, 3)), clock=True) == OPEN


# Claim 3


@pytest.mark.parametrize(
    ("law", "expected"),
    [
        (lambda size: 1 + size, HOLDS),
        (lambda size: 5.0, FAILS),
        (lambda size: size**0.3, FAILS),
        (lambda size: size**0.7, OPEN),
    ],
)
def test_the_slope_is_that_of_the_law(world, law, expected):
    world(law)
    seen, judged = asked(3)
    assert judged.verdict == expected
    rows = seen[seen.what == "full batch"]
    assert judged.effect == pytest.approx(np.polyfit(np.log(rows.x), np.log(rows.value), 1)[0], abs=1e-9)


# Claim 5


def is_power(size):
    return size & (size - 1) == 0


@pytest.mark.parametrize(
    ("law", "expected"),
    [
        (lambda size: 1 + size, FAILS),  # an even rise: no size stands out
        (lambda size: (1 + size) * (0.9 if is_power(size) else 1), HOLDS),
        (lambda size: (1 + size) * (0.9 if is_power(size) and size < 200 else 1), PARTLY),
        (lambda size: (1 + size) * (1.1 if is_power(size) else 1), FAILS),  # slower
        (lambda size: (1 + size) * (0.985 if is_power(size) else 1), FAILS),  # by less than 2 %
    ],
)
def test_powers_of_two_are_seen_where_they_are_faster(world, law, expected):
    world(law)
    assert asked(5)[1].verdict == expected


def test_powers_of_two_stay_open_where_intervals_are_wide(world):
    world(lambda size: (1 + size) * (0.9 if is_power(size) else 1))
    seen, _ = asked(5)
    assert verdict(5, seen.assign(high=1.2), clock=True) == OPEN
    assert verdict(5, seen.assign(value=1.0, low=0.9, high=1.2), clock=True) == OPEN


# Claim 7


def by_cache(l2, l3):
    def law(size):
        megabytes = size * memory.per_row() / 2**20
        return size * (1 if megabytes < 0.5 else l2 if megabytes < 8 else l3)

    return law


@pytest.mark.parametrize(
    ("law", "expected"), [(by_cache(1, 1.5), PARTLY), (by_cache(3, 9), HOLDS), (by_cache(1, 9), PARTLY)]
)
def test_a_collapse_past_the_caches_is_seen(world, law, expected):
    world(law)
    assert asked(7)[1].verdict == expected


def test_collapse_is_said_limit_by_limit(world, monkeypatch):
    world(by_cache(1, 9))
    seen, judged = asked(7)
    assert judged.when.startswith("collapse past L2: no; past L3: yes; the memory: yes")
    assert judged.effect == pytest.approx(1 / 9)
    monkeypatch.setattr(memory, "child", lambda rows: 0.0)
    world(by_cache(1, 1))
    monkeypatch.setattr(memory, "child", lambda rows: 0.0)
    assert asked(7)[1].verdict == FAILS
    wide = seen.assign(low=0.3, high=0.8)
    assert verdict(7, wide[wide.what != "past L3"], clock=True) == OPEN
    wide.loc[wide.index[-1], "value"] = 0.0  # what does not fit runs all the same
    assert verdict(7, wide, clock=True) == FAILS


def test_a_child_that_does_not_end_says_nothing(world, monkeypatch):
    world(by_cache(3, 9))
    monkeypatch.setattr(memory, "child", lambda rows: NAN if rows > 10**6 else 0.0)
    seen, judged = asked(7)
    assert judged.verdict == OPEN
    assert judged.when.endswith("the memory: open (a child process under 256 MB is not done in a minute)")
    assert seen[seen.what == "speed under 256 MB"].value.isna().tolist() == [False, True]


def test_caches_that_nobody_knows_leave_it_open(world, monkeypatch, tmp_path):
    assert memory.caches(tmp_path) == {}
    world(by_cache(1, 1))
    monkeypatch.setattr(memory, "caches", dict)
    seen, judged = asked(7)
    assert judged.verdict == OPEN
    assert "caches unknown" in set(seen.what)
    assert np.isnan(judged.effect)


def test_caches_are_read_by_level(tmp_path):
    for i, (kind, level, size) in enumerate(
        [("Data", 1, "48K"), ("Instruction", 1, "32K"), ("Unified", 2, "1280K"), ("Unified", 3, "1G")]
    ):
        folder = tmp_path / f"index{i}"
        folder.mkdir()
        for name, value in (("type", kind), ("level", level), ("size", size)):
            (folder / name).write_text(f"{value}\n")
    (tmp_path / "index4").mkdir()  # a folder that says nothing
    assert memory.caches(tmp_path) == {1: 48 / 1024, 2: 1.25, 3: 1024.0}


@pytest.mark.slow
def test_a_child_that_runs_out_of_memory_says_so_and_stops():
    code = "from studies.claims.minibatches.memory import limited; limited(10_000_000)"
    run = [sys.executable, "-c", code]
    ended = subprocess.run(run, cwd=memory.ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == memory.FULL_OF_IT
    first, second = ended.stderr.splitlines()
    assert (
        first
        == f"A batch of 10,000,000 rows needs {10**7 * memory.per_row() // 2**20:,} MB, and 256 MB are left."
    )
    assert second.startswith("Take batches of fewer than ")
    assert memory.child(1000) == 0
