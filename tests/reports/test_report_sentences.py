"""Sentences say what the tables say, and no more."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import reports
from reports.chapters import answer, decay, matrix, pick
from reports.chapters.speed import speedups
from reports.chapters.trust.power import blind
from reports.chapters.tuning import gains
from reports.data import words
from reports.data.run import Run, ordered
from reports.parts import Part
from tests.support.bending import Bend, Frames, Manifest, call, unchanged


def numbers(text: str) -> list[float]:
    """All numbers of a sentence, as a reader would parse them back."""
    plain = text.replace("\u202f", "").replace("\u2212", "-").replace("∞", "inf")
    return [float(x) for x in re.findall(r"[-+]?(?:\d+(?:\.\d+)?|inf)", plain)]


def calls(planted: dict[tuple[str, str], str], reading: str = "error") -> Any:
    return lambda frames, manifest: call(frames, planted, reading)


def test_one_best_names_everyone_it_beats_with_their_p(bend: Bend) -> None:
    run = reports.read(bend(calls({("adam", "sgd"): "beats", ("adam", "momentum"): "beats"})))
    first = reports.verdict(run)[0]
    assert first.startswith(
        "Adam ends best, after 3 epochs and a search of 2 draws: nothing beats it in 16 dataset"
    )
    assert re.search("Beaten: (SGD and Momentum|Momentum and SGD) ", first)
    assert first.endswith("(by Adam, p\u202f≤\u202f0.0030 after Holm).")


def test_nothing_decided_says_so_and_never_that_all_are_equal(bend: Bend) -> None:
    run = reports.read(bend(calls({})))
    first = reports.verdict(run)[0]
    assert first.startswith(
        "Nobody among SGD, Momentum and Adam ends better than another: none of 3 pairs is"
    )
    for word in ("no difference", "take the one you know", "as good"):
        assert word not in first


ALIKE = {("adam", "sgd"): "as good", ("adam", "momentum"): "as good", ("sgd", "momentum"): "as good"}


def test_all_as_good_says_so_and_what_to_do(bend: Bend) -> None:
    first = reports.verdict(reports.read(bend(calls(ALIKE))))[0]
    assert first.startswith("SGD, Momentum and Adam end as good as each other in 16 dataset-blocks")
    assert first.endswith("take the one you know.")


def test_of_pairs_that_are_not_called_both_kinds_are_counted(bend: Bend) -> None:
    two = dict.fromkeys(list(ALIKE)[:2], "as good")
    first = reports.verdict(reports.read(bend(calls(two))))[0]
    assert "2 of 3 pairs are as good as each other, 1 is not decided (closest call" in first
    assert "take the one you know" not in first


def test_unbeaten_names_the_beaten_one_and_by_whom(bend: Bend) -> None:
    run = reports.read(bend(calls({("adam", "momentum"): "beats"})))
    first = reports.verdict(run)[0]
    assert first.startswith("At the end nothing beats ")
    assert set(re.findall(r"Adam|SGD|Momentum", first.split(",")[0])) == {"Adam", "SGD"}
    assert ": between them it is not decided. " in first
    assert first.endswith("Beaten: Momentum (by Adam, p\u202f=\u202f0.0030 after Holm).")


def test_a_place_that_another_drawing_would_change_is_not_in_the_first_words(bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        call(frames, {("adam", "momentum"): "beats"})
        placed = frames["ranking"]
        unsure = (placed.reading == "error") & (placed.scope == "pooled") & (placed.optimizer == "sgd")
        placed.loc[unsure, "stable"] = 0.5

    first = reports.verdict(reports.read(bend(edit)))[0]
    assert first.startswith(
        "At the end nothing beats Adam in 16 dataset-blocks, after 3 epochs and a search of"
    )
    assert first.endswith("Not stable when the blocks are drawn anew: SGD.")


def test_a_circle_of_calls_is_called_a_circle(bend: Bend) -> None:
    planted = {("sgd", "momentum"): "beats", ("momentum", "adam"): "beats", ("adam", "sgd"): "beats"}
    run = reports.read(bend(calls(planted)))
    first = reports.verdict(run)[0]
    assert first.startswith("Nobody ends best: the calls run in a circle")
    for better, worse in planted:
        assert f"{run.title(better)} beats {run.title(worse)}" in first


def test_best_without_beating_everyone_leaves_the_rest_open(bend: Bend) -> None:
    run = reports.read(bend(calls({("adam", "momentum"): "beats", ("momentum", "sgd"): "beats"})))
    assert "SGD (by Momentum" in reports.verdict(run)[0]
    assert "Momentum (by Adam" in reports.verdict(run)[0]


@pytest.mark.parametrize(("reading", "at"), [("error", 0), ("ratio", 1)])
def test_too_few_blocks_word_no_ranking(bend: Bend, reading: str, at: int) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        frames["comparisons"]["verdict"] = "too few blocks"
        manifest["asked"]["blocks"] = 2

    run = reports.read(bend(edit))
    sentence = reports.verdict(run)[at]
    assert sentence.endswith("too few blocks to tell anything apart; run with --blocks 4.")
    assert not re.search("SGD|Adam|Momentum", sentence)


def test_who_gets_there_first_says_the_ratio_of_the_table(bend: Bend) -> None:
    planted = {("adam", "sgd"): "beats", ("adam", "momentum"): "beats"}
    run = reports.read(bend(calls(planted, "ratio")))
    second = reports.verdict(run)[1]
    assert second.startswith("Adam gets there first: to reach the losses that both reach, ")
    one = run.against("ratio", "pooled", "sgd", "adam")
    assert one is not None
    found = numbers(second[second.index("SGD needs") :])[:3]
    assert found == pytest.approx([math.exp(one[c]) for c in ("estimate", "low", "high")], rel=5e-3)


def test_one_sided_failures_stand_beside_the_ratio(bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        call(frames, {("adam", "sgd"): "beats"}, "ratio")
        frames["comparisons"]["a_failed"] = 3

    assert "(3 of 16 one-sided)" in reports.verdict(reports.read(bend(edit)))[1]


def test_turning_a_pair_turns_everything(bend: Bend) -> None:
    run = reports.read(bend(unchanged))
    for reading in ("error", "ratio"):
        for row in run.pairs(reading).itertuples():
            same = run.against(reading, "pooled", row.a, row.b)
            turned = run.against(reading, "pooled", row.b, row.a)
            assert same is not None
            assert turned is not None
            assert (turned["estimate"], turned["low"], turned["high"]) == (
                -same["estimate"],
                -same["high"],
                -same["low"],
            )
            assert turned["a_better"] + same["a_better"] + same["ties"] == same["blocks"]
            both = {turned["verdict"], same["verdict"]}
            assert both in ({"as good"}, {"not decided"}, {"a", "b"})


def beside(frames: Frames, dataset: str, model: str, verdict: str) -> None:
    """Plant the verdict on a pick and a model, and what follows of it."""
    table = frames["alternatives"]
    table["verdict"] = table.verdict.astype(object)
    here = (table.dataset == dataset) & (table.model == model)
    table.loc[here, ["verdict", "gap", "gap_low", "gap_high", "p_holm"]] = [verdict, 0.1, 0.05, 0.15, 0.01]
    if verdict == "model":
        table.loc[table.dataset == dataset, "recommended"] = False
        table.loc[here, "recommended"] = True
        picks = frames["picks"]
        picks["recommended"] = picks.recommended.astype(object)
        picks.loc[picks.dataset == dataset, "recommended"] = model


def settled(frames: Frames) -> None:
    """Every pick is better than all that stands beside it."""
    for line in frames["alternatives"].query("model != 'pick'").itertuples():
        beside(frames, line.dataset, line.model, "pick")
    frames["alternatives"]["recommended"] = frames["alternatives"].model == "pick"
    frames["picks"]["recommended"] = "pick"


def test_what_is_better_than_a_pick_is_what_to_take(bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        settled(frames)
        beside(frames, "diabetes", "linear model", "model")

    run = reports.read(bend(edit))
    assert pick.better(run) == {"diabetes": "linear model"}
    assert pick.recommended_answer(run) == (
        "Take the linear model on diabetes, where it is better; elsewhere take the tuned setting."
    )
    taken = {row[0].text: row[-1].text for row in pick.picks(run).tables[0].rows}
    assert taken == {"wine": "tuned setting", "diabetes": "linear model"}
    assert "Better than the tuned network: the linear model on diabetes" in " ".join(answer.answer(run))


def test_what_is_as_good_and_what_is_not_decided_are_told_apart(bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        settled(frames)
        beside(frames, "diabetes", "linear model", "as good")
        beside(frames, "wine", "gradient boosting", "not decided")

    run = reports.read(bend(edit))
    assert pick.recommended_answer(run) == (
        "On diabetes something simpler is as good; elsewhere take the tuned setting."
    )
    table = pick.picks(run).tables[0]
    at = {name: i for i, name in enumerate(table.columns)}
    rows = {row[0].text: row for row in table.rows}
    assert rows["diabetes"][at["Linear model"]].text.startswith("= ")
    assert rows["wine"][at["Boosting"]].text.startswith("? ")
    assert rows["wine"][at["Linear model"]].text.startswith("✗ ")
    assert "As good as the tuned network: the linear model on diabetes" in answer.instead(run)
    taken = {name: (row[-1].text, row[-1].note) for name, row in rows.items()}
    assert taken["diabetes"] == ("linear model", "as good, and simpler")
    assert taken["wine"][0] == "tuned setting"


def test_a_call_beside_an_interval_with_a_zero_is_dotted(bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        settled(frames)
        table = frames["alternatives"]
        here = (table.dataset == "wine") & (table.model == "linear model")
        table.loc[here, ["gap_low", "gap", "gap_high"]] = -0.02, -0.01, 0.0  # as ties make it

    made = pick.picks(reports.read(bend(edit)))
    assert made is not None
    (table,) = made.tables
    at = list(table.columns).index("Linear model")
    rows = {row[0].text: row[at] for row in table.rows}
    assert rows["wine"].text.startswith("✗ ")
    assert rows["wine"].hollow
    assert any(sign.hollow for sign in made.signs)


def test_a_pick_that_beats_all_says_so(bend: Bend) -> None:
    run = reports.read(bend(lambda frames, _: settled(frames)))
    assert pick.recommended_answer(run) == "Everywhere take the tuned setting."
    assert answer.instead(run) == ""


@pytest.mark.parametrize("verdict", ["model", "as good", "not decided"])
def test_a_pick_no_better_than_the_majority_class_is_the_first_sentence(bend: Bend, verdict: str) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        settled(frames)
        beside(frames, "wine", "majority class", verdict)

    first, *rest = reports.verdict(reports.read(bend(edit)))
    assert first == (
        "Not shown to be better than what looks at no feature is the pick on wine (majority class). Where "
        "a class is "
        "rare, run with --metric balanced-error."
    )
    assert len(rest) == 2


def test_ratio_answer_holds_the_farthest_call(bend: Bend) -> None:
    first, second, third = reports.read(bend(unchanged)).order("ratio")
    run = reports.read(bend(calls({(first, second): "beats"}, "ratio")))
    said = speedups.ratios(run)[0]
    one = run.against("ratio", "pooled", second, first)
    assert one is not None
    names = f"{run.title(first)} and {run.title(third)}"
    assert said.answer.startswith(f"Not beaten are {names}; {run.title(second)} needs ")
    found = numbers(said.answer.split(" needs ", 1)[1])[:3]
    assert found == pytest.approx([math.exp(one[c]) for c in ("estimate", "low", "high")], rel=5e-3)
    run = reports.read(bend(calls({(second, first): "beats"}, "ratio")))  # against the mean ranks
    assert speedups.ratios(run)[0].answer.startswith(
        f"Called faster than {run.title(first)}: {run.title(second)}; "
    )


def test_quartiles_are_order_statistics_and_keep_inf() -> None:
    losses = [1.0, 2.0, 3.0, 4.0, math.inf]
    frame = pd.DataFrame(
        [("d", b, "o", x, loss) for b, loss in enumerate(losses) for x in (0, 64)],
        columns=["dataset", "block", "optimizer", "examples", "loss"],
    )
    one = speedups.quartiles(frame).iloc[0]
    assert (one["lower"], one["median"], one["upper"]) == (2.0, 3.0, 4.0)
    frame.loc[frame.block >= 2, "loss"] = math.inf
    one = speedups.quartiles(frame).iloc[0]
    assert (one["lower"], one["median"], one["upper"]) == (2.0, math.inf, math.inf)


def test_curves_carry_the_last_value_to_the_common_grid() -> None:
    frame = pd.DataFrame(
        [("d", 0, "o", 64, 1.0), ("d", 0, "o", 128, 0.5), ("d", 1, "o", 64, 3.0), ("d", 1, "o", 100, 2.0)],
        columns=["dataset", "block", "optimizer", "examples", "loss"],
    )
    made = speedups.quartiles(frame).set_index("examples")
    assert list(made.index) == [64, 100, 128]
    assert list(made.loc[100, ["lower", "upper"]]) == [1.0, 2.0]
    assert list(made.loc[128, ["lower", "upper"]]) == [0.5, 2.0]


def test_tuning_counts_are_the_tables(bend: Bend) -> None:
    run = reports.read(bend(unchanged))
    made = gains.worth(run)
    assert made is not None
    table = run["tuning"]
    helped = int((table.low > 0).sum())
    hurt = int((table.high < 0).sum())
    assert f"gains over the defaults in {helped} of {len(table)} cases and loses in {hurt}" in made.answer


def test_infinite_differences_have_honest_words(bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        frames["tuning"].loc[frames["tuning"].dataset == "diabetes", ["untuned", "searched"]] = np.inf
        frames["tuning"].loc[frames["tuning"].dataset == "diabetes", ["estimate", "low", "high"]] = np.nan
        frames["forest"][["estimate", "low", "high"]] = np.inf
        frames["comparisons"].loc[frames["comparisons"].reading == "ratio", ["estimate", "low", "high"]] = (
            np.nan
        )

    run = reports.read(bend(edit))
    ratios = speedups.ratios(run)[0]
    assert ratios.answer.startswith("In no block did both")
    said = [ratios.answer, matrix.matrix(run).answer, *answer.answer(run), *reports.verdict(run)]
    assert "nan" not in " ".join(said)
    cells = [cell for row in matrix.matrix(run).tables[0].rows for cell in row]
    assert "∞" in " ".join(cell.text for cell in cells)
    assert "nan" not in " ".join(f"{cell.text} {cell.note}" for cell in cells)


def test_decay_sentence_groups_by_call(bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        pooled = frames["decay"].scope == "pooled"
        frames["decay"].loc[pooled, "verdict"] = "not decided"
        frames["decay"].loc[pooled & (frames["decay"].optimizer == "adam"), ["verdict", "p_holm"]] = [
            "none",
            0.01,
        ]

    said = decay.decay(reports.read(bend(edit)))[0]
    assert said.answer == "Decay is worse than none for Adam; not decided for SGD and Momentum."
    signs = {row[0].text: row[1].text for row in said.tables[0].rows}
    assert signs == {"Adam": "✗", "SGD": "?", "Momentum": "?"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0501, "0.0501"),
        (0.0500001, "0.0500001"),
        (0.05, "0.050"),
        (1.0, "1"),
        (0.364, "0.36"),
        (6e-5, "0.00006"),
    ],
)
def test_p_values_stay_on_their_side_of_the_level(value: float, text: str) -> None:
    assert words.p_value(value) == f"p\u202f=\u202f{text}"


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.09996, "0.100"),
        (1234567, "1\u202f234\u202f567"),
        (-0.5, "\u22120.500"),
        (1.54e-5, "1.54e\u22125"),
        (math.inf, "∞"),
        (math.nan, "not known"),
    ],
)
def test_numbers(x: float, text: str) -> None:
    assert words.number(x) == text


def test_an_end_that_is_not_zero_does_not_look_like_zero() -> None:
    text = words.interval(0.003, 0.0002, 0.006, words.PERCENT, difference=True)
    assert numbers(text) == [0.3, 0.02, 0.6] or numbers(text) == [0.30, 0.02, 0.60]


def test_decay_rates_keep_the_digits_that_matter() -> None:
    assert words.near_one(0.99962) == "0.99962"
    assert words.near_one(0.9541370304401423) == "0.954"


def test_order_is_the_studys(bend: Bend) -> None:
    run: Run = reports.read(bend(unchanged))
    frame = ordered(run, run["tuning"])
    assert list(dict.fromkeys(frame.dataset)) == ["wine", "diabetes"]
    assert list(dict.fromkeys(frame.optimizer)) == ["sgd", "momentum", "adam"]


def blind_part(bend: Bend, change: Any, call: str = "not decided") -> Part:
    """What is said of too few blocks, the power table changed and every pair called the same."""

    def edit(frames: Frames, manifest: Manifest) -> None:
        frames["comparisons"]["verdict"] = call
        change(frames["power"])

    made = blind(reports.read(bend(edit)))
    assert made is not None
    return made


def test_the_smallest_difference_found_is_in_the_unit_of_its_dataset(bend: Bend) -> None:
    def change(power: pd.DataFrame) -> None:
        power.loc[:, ["found", "needed"]] = 0.034, 86.0

    part = blind_part(bend, change)
    assert re.search(r"Nearest: \w+ and \w+ on \w+\.$", part.answer)
    cells = {row[0].text: [cell.text for cell in row] for row in part.tables[0].rows}
    assert cells["wine"][3].replace("\u202f", " ").startswith("3.4 points")
    assert cells["diabetes"][3].startswith("0.034 RMSE")
    assert {row[-1] for row in cells.values()} == {"86"}


def test_what_no_number_of_blocks_decides_is_said_so(bend: Bend) -> None:
    def change(power: pd.DataFrame) -> None:
        power.loc[:, ["found", "needed"]] = np.nan, np.inf

    part = blind_part(bend, change)
    assert " blocks would decide no more. " in part.answer
    assert {row[-1].text for row in part.tables[0].rows} == {"> 640"}

    def some(power: pd.DataFrame) -> None:
        power.loc[:, ["found", "needed"]] = 0.5, np.inf

    part = blind_part(bend, some)
    assert {row[-1].text for row in part.tables[0].rows} == {"> 640"}


def test_a_pair_that_is_called_needs_no_more_blocks(bend: Bend) -> None:
    assert blind_part(bend, lambda power: None, "a").answer == (
        "The first two are called different on 2 of 2 datasets."
    )
    assert "on 0 of 2 datasets; 8 blocks " in blind_part(bend, lambda power: None, "as good").answer
