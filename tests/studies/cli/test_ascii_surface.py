"""A surface in characters: darker is higher, letters are where walks were."""

import numpy as np

import dlopt
from studies.cli.ascii_surface import HIGH, SHADES, WIDE, draw


def test_a_bowl_is_darker_outside_and_a_walk_ends_in_its_middle():
    bowl = dlopt.Quadratic([1.0, 1.0], [1.0, 1.0])
    walk = dlopt.descend(bowl, [dlopt.SGD(lr=0.3), dlopt.SGD(lr=1e-9)], steps=60)
    lines = draw(bowl, walk.params, ["sgd", "still"]).split("\n")
    picture = [line.ljust(WIDE) for line in lines[:HIGH]]
    assert len(lines[HIGH - 1]) <= WIDE
    flat = "".join(picture)
    assert flat.count("A") == flat.count("B") == 1
    row, column = next((i, line.index("A")) for i, line in enumerate(picture) if "A" in line)
    up, right = next((i, line.index("B")) for i, line in enumerate(picture) if "B" in line)
    assert (up < row, right > column) == (True, True)  # it began up and to the right
    assert picture[row][column - 4] in SHADES[:3]
    assert picture[0][-1] == SHADES[-1]
    assert "a sgd, b still" in lines[HIGH + 1]


def test_what_diverges_or_has_many_dimensions_is_no_error():
    saddle = dlopt.strict_saddle()
    walk = dlopt.descend(saddle, [dlopt.SGD(lr=3.0)], steps=2_000)
    assert not np.isfinite(walk.params[-1]).all()
    assert "a gone" in draw(saddle, walk.params, ["gone"])
    deep = dlopt.SURFACES["high-saddle"]()
    assert draw(deep, dlopt.descend(deep, dlopt.SGD(), steps=2).params, ["sgd"]) == ""
