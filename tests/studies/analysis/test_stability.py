"""Is a place stable? Held against repetitions that are really made."""

import numpy as np
import pytest

from studies.analysis.comparison import Scores, comparisons, ranking
from studies.analysis.stability import stability

NAMES = ["adam", "sgd"]


def scores(shift, rng, blocks=20, datasets=2):
    """One pair: negative shifts make adam better."""
    d = shift + rng.normal(size=(1, datasets, blocks))
    return Scores("error", [("adam", "sgd")], [f"d{i}" for i in range(datasets)], d)


def unbeaten(one):
    placed = ranking(one, comparisons(one, dict.fromkeys(one.datasets, "classification")), NAMES)
    return placed[placed.scope == "pooled"].set_index("optimizer").unbeaten[NAMES].to_numpy()


@pytest.mark.parametrize("shift", [0.0, -0.35, -1.5])
def test_places_come_again_about_as_often_as_is_said(shift):
    rng, said, came = np.random.default_rng(3), [], []
    for seed in range(40):
        one = scores(shift, rng)
        said.append(stability(one, NAMES, seed))
        came.append(unbeaten(scores(shift, rng)))
    assert np.mean(said, axis=0) == pytest.approx(np.mean(came, axis=0), abs=0.15)


def test_a_clear_place_is_certain_and_one_at_the_level_is_not():
    rng = np.random.default_rng(0)
    assert stability(scores(-3.0, rng), NAMES, 0).tolist() == [1.0, 0.0]
    noise = rng.normal(size=40)
    at_level = -0.33 + (noise - noise.mean()) / noise.std()  # z is about 2
    one = Scores("error", [("adam", "sgd")], ["d"], at_level[None, None])
    share = stability(one, NAMES, 0)
    assert share[0] == 1.0
    assert 0.2 < share[1] < 0.8


def test_drawings_are_the_seeds_own_and_the_same_for_every_pair():
    one = scores(-0.3, np.random.default_rng(1))
    assert stability(one, NAMES, 5).tolist() == stability(one, NAMES, 5).tolist()
    three = Scores("error", [("a", "b"), ("a", "c"), ("b", "c")], one.datasets, np.repeat(one.d, 3, axis=0))
    shares = stability(three, ["a", "b", "c"], 5)
    assert shares[0] == 1.0  # no other can beat it
    assert shares[1] == shares[2]  # each is beaten by the one before it in the same drawings


def test_one_optimizer_alone_is_unbeaten():
    alone = Scores("error", [], ["d"], np.empty((0, 1, 1)))
    assert stability(alone, ["adam"], 0).tolist() == [1.0]
