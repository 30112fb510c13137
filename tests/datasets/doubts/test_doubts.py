import numpy as np
import pandas as pd
import pytest

import datasets
from datasets.doubts import rows

N = 400
RNG = np.random.default_rng(0)
A, B, C = RNG.normal(size=(3, N))
GROUP = RNG.choice(list("abcdef"), N)
NOISE = RNG.normal(size=N)
ALONE = "tells the target nearly alone, perhaps a leak: "

LEAKS = {
    "a threshold": ({"a": A, "b": B, "y": (A > 0.3).astype(int)}, ALONE + "'a'"),
    "bands": ({"a": A, "b": B, "y": np.digitize(A, [-1, 0, 1])}, ALONE + "'a'"),
    "some categories": ({"g": GROUP, "b": B, "y": np.isin(GROUP, ["a", "b"]).astype(int)}, ALONE + "'g'"),
    "a number for each category": (
        {"g": GROUP, "b": B, "y": pd.Series(GROUP).map(ord) + 1e-6 * B},
        ALONE + "'g'",
    ),
    "where it is missing": ({"a": np.where(B > 0.2, np.nan, A), "y": (B > 0.2).astype(int)}, ALONE + "'a'"),
    "a monotone map": ({"a": np.exp(A) + 1e-4 * B, "b": B, "y": A}, ALONE + "'a'"),
    "the same order": ({"a": np.exp(A), "b": B, "y": A}, "one-to-one with the target, perhaps a leak: 'a'"),
    "a sum": ({"a": A, "b": B, "c": C, "y": A + B}, "'a' + 'b' gives the target"),
    "a scaled difference": ({"a": A, "b": B, "c": C, "y": 7 - 3 * (A - B)}, "'a' - 'b' gives the target"),
    "a product": ({"a": np.exp(A), "b": np.exp(B), "y": np.exp(A + B)}, "'a' * 'b' gives the target"),
    "a ratio": ({"a": np.exp(A), "b": np.exp(B), "y": np.exp(A - B)}, "'a' / 'b' gives the target"),
    "a rounded sum": ({"a": A, "b": B, "c": C, "y": (A + B).round(2)}, "'a' + 'b' gives the target"),
    "a sum with holes": (
        {"a": np.where(RNG.random(N) < 0.03, np.nan, A), "b": B, "c": C, "y": A + B},
        "'a' + 'b' gives the target",
    ),
    "a rounded product": (
        {"a": np.exp(A), "b": np.exp(B) + 5, "y": (np.exp(A) * (np.exp(B) + 5)).round(2)},
        "'a' * 'b' gives the target",
    ),
    "a sum of three": ({"a": A, "b": B, "c": C, "y": A + 2 * B - C}, "weighted sum of 'a', 'b', 'c' gives"),
}


@pytest.mark.parametrize("kind", LEAKS)
def test_a_leak_is_doubted_and_kept(kind):
    columns, sentence = LEAKS[kind]
    table = datasets.from_frame(pd.DataFrame(columns), "y")
    (found,) = [one for one in table.doubts if "far from all" not in one]
    assert found.startswith("Look out")
    assert sentence in found
    assert found in table.notes
    assert {one.role for one in table.readings} == {"feature", "target"}


@pytest.mark.parametrize(
    "columns",
    [
        {"a": A, "b": B, "y": NOISE},
        {"a": A, "b": B, "y": (A + 0.5 * B > 0.3).astype(int)},
        {"a": A + 0.2 * B, "b": C, "y": A},
        {"a": A, "b": B, "c": C, "y": A + B + 0.1 * NOISE},
        {"g": GROUP, "b": B, "y": pd.Series(GROUP).map(ord) + NOISE},
        {"a": A, "y": np.where(RNG.random(N) < 0.03, "rare", "usual")},
    ],
)
def test_what_only_helps_is_no_leak(columns):
    assert datasets.from_frame(pd.DataFrame(columns), "y").doubts == ()


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits", "diabetes"])
def test_known_tables_are_not_doubted(name):
    import sklearn.datasets

    frame = getattr(sklearn.datasets, f"load_{name}")(as_frame=True).frame
    assert datasets.from_frame(frame, "target").doubts == ()


FRAME = pd.DataFrame({"a": A, "b": B, "c": C, "y": RNG.integers(0, 2, N)})


@pytest.mark.parametrize("times", [1.1, 2, 5])
def test_copies_are_kept_in_one_part(times):
    whole = pd.concat([FRAME] * 5).iloc[: int(times * N)].sample(frac=1, random_state=0)
    table = datasets.from_frame(whole.assign(id=range(len(whole))), "y")
    copied = len(whole) - N
    assert f"Look out: {copied:,} of {len(whole):,} rows are copies of others" in table.doubts[0]
    keys = whole.a.to_numpy()
    for seed in range(10):
        parts = [set(keys[table.origin[part]]) for part in table.rows(seed)]
        assert sum(map(len, parts)) == len(set.union(*parts))


def test_a_few_copies_do_not_matter():
    table = datasets.from_frame(pd.concat([FRAME, FRAME[:4]]), "y")
    assert table.doubts == ()
    assert table.groups is None


LATENT = RNG.normal(size=1_000)
REPEATING = {
    "answers from 1 to 5": pd.DataFrame(RNG.integers(1, 6, (1_000, 4)), columns=list("abcd")),
    "answers that go together": pd.DataFrame(
        {one: np.clip(np.round(LATENT + 0.3 * RNG.normal(size=1_000)), -2, 2) for one in "abcdef"}
    ),
    "booleans": pd.DataFrame(RNG.integers(0, 2, (2_000, 10))).rename(columns=str),
    "sparse booleans": pd.DataFrame((RNG.random((400, 15)) < 0.05).astype(int)).add_prefix("b"),
    "many booleans": pd.DataFrame((RNG.random((300, 22)) < 0.1).astype(int)).add_prefix("b"),
    "sparse counts": pd.DataFrame(RNG.poisson(0.05, (400, 30))).add_prefix("b"),
    "one number": pd.DataFrame({"a": np.repeat(A, 5)[:N], "k": RNG.integers(0, 2, N)}),
    "a design": pd.concat(
        [pd.MultiIndex.from_product([range(8), range(5)], names=["a", "b"]).to_frame(index=False)] * 9
    ),
}


@pytest.mark.parametrize("kind", REPEATING)
def test_rows_that_come_again_because_columns_vary_little_are_no_copies(kind):
    frame = REPEATING[kind]
    table = datasets.from_frame(frame.assign(y=np.random.default_rng(1).integers(0, 2, len(frame))), "y")
    assert table.doubts == ()
    assert table.groups is None


def test_equal_inputs_with_other_targets_are_no_copies():
    whole = pd.concat([FRAME] * 4).assign(y=np.random.default_rng(2).normal(size=4 * N))
    assert datasets.from_frame(whole, "y").doubts == ()


@pytest.mark.parametrize("how", [{"time": "t"}, {"group": "t"}])
def test_copies_on_both_sides_of_another_split_are_doubted(how):
    whole = pd.concat([FRAME] * 3).assign(t=np.arange(3 * N) // 5)
    table = datasets.from_frame(whole, "y", **how)
    (said,) = table.doubts
    assert "800 of 1,200 rows are copies of others, which stand on both sides" in said


OWNERS = {
    "patient_id": [1000 + i // 5 for i in range(N)],
    "Subject": [f"S{i // 8}" for i in range(N)],
    "customerId": [i // 4 * 7 for i in range(N)],
    "Driver's id": [i // 9 for i in range(N)],
}


@pytest.mark.parametrize("name", OWNERS)
def test_rows_of_one_owner_are_doubted_until_they_are_a_group(name):
    frame = FRAME.assign(**{name: OWNERS[name], "y": NOISE})
    table = datasets.from_frame(frame, "y")
    assert any(f"rows of one {name!r}" in one or f'rows of one "{name}"' in one for one in table.doubts)
    (said,) = [one for one in table.doubts if "--group" in one]
    import shlex

    assert shlex.split(said.partition("add ")[2].removesuffix("."))[1] == name
    assert next(one.kind for one in table.readings if one.column == name) != "number"
    assert datasets.from_frame(frame, "y", group=name).doubts == ()


def test_names_that_never_come_again_are_no_owners():
    frame = FRAME.assign(patient_id=range(N), y=NOISE)
    assert datasets.from_frame(frame, "y").doubts == ()


def test_spellings_are_doubted_in_classes_and_categories():
    frame = FRAME.assign(
        w=RNG.choice(["Yes", "yes ", "no"], N), y=RNG.choice(["New York", "new  york", "LA"], N)
    )
    assert datasets.from_frame(frame, "y").doubts == (
        "Look out, spelled in several ways in 'y': 'New York' and 'new  york'.",
        "Look out, spelled in several ways in 'w': 'Yes' and 'yes'.",
    )


@pytest.mark.parametrize(("values", "said"), [([1e6] * 3, "1e+06 (3 rows)"), ([-999] * 9, "-999 (9 rows)")])
def test_targets_far_from_all_others_are_doubted(values, said):
    y = np.concatenate([NOISE[: N - len(values)], values])
    (found,) = datasets.from_frame(FRAME.assign(y=y), "y").doubts
    assert said in found


def test_a_row_that_is_a_sum_is_doubted():
    frame = FRAME.assign(w=RNG.choice(["N", "S"], N), y=NOISE)
    frame.loc[N] = [A.sum(), B.sum(), C.sum(), NOISE.sum(), "Total"]
    assert any(f"row {N + 1:,} is named 'Total'" in one for one in datasets.from_frame(frame, "y").doubts)


@pytest.mark.parametrize("word", ["Insgesamt", "average", "Grand total:", "Summe"])
def test_a_row_is_a_sum_by_its_name_only_where_no_other_has_it(word):
    frame = FRAME.assign(w=RNG.choice(["N", "S"], N), y=NOISE)
    assert rows.totals(frame.assign(w=[*frame.w[:-1], word]))
    assert rows.totals(frame.assign(w=[word, "good", "poor", word] * (N // 4))) == []


def test_sums_of_parts_and_sums_without_a_name_are_doubted():
    frame = pd.DataFrame({"w": RNG.choice(["N", "S"], N), "a": RNG.integers(1, 9, N), "b": A**2})
    parts = frame.assign(w=["Subtotal" if i % 50 == 49 else one for i, one in enumerate(frame.w)])
    assert "8 rows (" in rows.totals(parts)[0]
    whole = pd.concat([frame, pd.DataFrame({"w": [None], "a": [frame.a.sum()], "b": [frame.b.sum()]})])
    assert f"row {N + 1} is the sum of all above" in rows.totals(whole.reset_index(drop=True))[0]
    assert rows.totals(frame) == []


SUSPECTS = [
    (RNG.integers(1, 6, N), 99),
    (RNG.uniform(-30, 30, N), -99),
    (RNG.gamma(2, 2, N), -200),
    (RNG.integers(1900, 2011, N), 0),
    (RNG.integers(44, 200, N), 0),
    (RNG.integers(18, 91, N), 99),
]


@pytest.mark.parametrize(("values", "value"), SUSPECTS)
def test_a_value_at_an_end_that_may_stand_for_missing_is_doubted_and_kept(values, value):
    table = datasets.from_frame(
        pd.DataFrame({"c": np.where(np.arange(N) % 20, values, value), "y": NOISE}), "y"
    )
    (said,) = table.doubts
    assert f"{value} (20 rows) may stand for missing in 'c'" in said
    assert (table.readings[0].kind, table.readings[0].missing) == ("number", 0)
    assert datasets.from_frame(pd.DataFrame({"c": values, "y": NOISE}), "y").doubts == ()


@pytest.mark.parametrize("values", [[0, 1, 2, 10], [0, 5, 50, 500], range(-1, 12), range(100)])
def test_designs_and_counts_are_not_doubted(values):
    frame = pd.DataFrame({"c": RNG.choice(values, N), "y": NOISE})
    assert datasets.from_frame(frame, "y").doubts == ()


@pytest.mark.parametrize(
    "pair", [("non-smoker", "non smoker"), ("Café", "Cafe\u0301"), ("a_b", "A b"), ("x y", "xy")]
)
def test_words_that_look_alike_are_doubted(pair):
    assert len(rows.spellings("c", [*pair, "other"])) == 1


@pytest.mark.parametrize("pair", [("A-1", "A1"), ("-1", "1"), ("1-2", "12"), ("Cafe", "Café")])
def test_words_that_differ_are_not_doubted(pair):
    assert rows.spellings("c", pair) == []


@pytest.mark.parametrize("how", ["group", "time"])
def test_copies_that_the_user_keeps_together_are_no_doubt(how):
    rng = np.random.default_rng(4)
    one = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60), "y": rng.normal(size=60)})
    frame = one.assign(owner=[f"p{i:02}" for i in range(60)], when=range(60)).loc[np.repeat(range(60), 3)]
    options = {"group": "owner", "drop": "when"} if how == "group" else {"time": "when", "drop": "owner"}
    assert not any("copies" in one for one in datasets.from_frame(frame, "y", **options).doubts)
    apart = frame.assign(owner=[f"p{i % 30:02}" for i in range(180)], when=rng.permutation(180))
    said = [one for one in datasets.from_frame(apart, "y", **options).doubts if "copies" in one]
    assert len(said) == 1
    assert "both sides" in said[0]
