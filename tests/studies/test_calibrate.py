"""A calibration counts what it should, fails where it should, and goes on where it stopped."""

import dataclasses
import re

import pandas as pd
import pytest
from scipy import stats

from studies import calibrate as module
from studies import run
from studies.__main__ import main
from studies.arms import Arm
from studies.calibrate import PLANS, Plan, calibrate, false_alarms, most, summary
from studies.errors import UsageError
from studies.store import read_table

TINY = Plan("adam", 2, 2, ("wine",), blocks=8, draws=2, epochs=2)


def calls(*words):
    lines = [("error", "pooled", words[0]), ("error", "wine", words[1]), ("ratio", "pooled", words[2])]
    return pd.DataFrame(lines, columns=["reading", "scope", "call"])


def test_an_alarm_is_a_call_over_all_datasets_together():
    assert false_alarms(calls("tied", "a", "tied")) == set()
    assert false_alarms(calls("b", "tied", "tied")) == {"error"}
    assert false_alarms(calls("a", "a", "b")) == {"error", "ratio"}
    with pytest.raises(ValueError, match="can call nothing"):
        false_alarms(calls(*["too few blocks"] * 3))


@pytest.mark.parametrize(("studies", "alarms"), [(25, 4), (40, 5), (2000, 120)])
def test_the_most_alarms_are_those_that_a_sound_pipeline_exceeds_in_2_percent(studies, alarms):
    assert most(studies) == alarms
    assert stats.binom.sf(alarms, studies, 0.05) <= 0.02 < stats.binom.sf(alarms - 1, studies, 0.05)


def test_a_line_has_its_rate_with_its_interval():
    line = summary(PLANS["small"][0], "error", 6)
    assert (line["false_alarms"], line["studies"], line["rate"], line["holds"]) == (6, 40, 0.15, False)
    exact = stats.binomtest(6, 40).proportion_ci(method="exact")
    assert (line["low"], line["high"]) == pytest.approx((exact.low, exact.high))


def test_copies_differ_in_their_draws_and_share_their_blocks(tmp_path):
    done = run(TINY.study(0), out=tmp_path / "aa", jobs=1)
    rows = read_table(done.path, "rows").query("kind == 'search'")
    assert sorted(rows.optimizer.unique()) == ["adam-copy-1", "adam-copy-2"]
    assert rows.settings.is_unique
    untuned = read_table(done.path, "rows").query("kind == 'untuned'")
    assert (untuned.groupby("block").test_loss.nunique() == 1).all()
    assert TINY.study(0).seed != TINY.study(1).seed


def test_a_handicap_is_found_where_copies_are_not(tmp_path):
    plan = PLANS["small"][0]
    slow = Arm("adam", name="adam-slow", search=(("lr", (1e-5, 1e-4)),))
    study = dataclasses.replace(plan.study(0), optimizers=(Arm("adam"), slow), name="handicap")
    done = run(study, out=tmp_path / "handicap", jobs=1)
    assert false_alarms(read_table(done.path, "comparisons")) == {"error", "ratio"}


def test_a_calibration_goes_on_and_keeps_its_table(tmp_path, monkeypatch):
    monkeypatch.setitem(PLANS, "small", (TINY,))
    said = []
    table = calibrate("small", tmp_path, 1, said.append)
    assert (list(table.reading), list(table.studies), len(said)) == (["error", "ratio"], [2, 2], 2)
    written = pd.read_csv(tmp_path / "small" / "calibration.csv")
    assert written.false_alarms.tolist() == table.false_alarms.tolist()
    trained = []
    monkeypatch.setattr(module, "run", lambda *a, **k: trained.append(run(*a, **k)) or trained[-1])
    again = calibrate("small", tmp_path, 1, said.append)
    assert [one.trained for one in trained] == [0, 0]
    assert again.false_alarms.tolist() == table.false_alarms.tolist()


def test_too_many_alarms_are_a_failure_and_no_bad_input(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(PLANS, "small", (TINY,))
    monkeypatch.setattr(module, "false_alarms", lambda _: {"error"})
    monkeypatch.setattr(module, "most", lambda _: 1)
    assert main(["calibrate", "small", "--out", str(tmp_path), "--jobs", "1"]) == 1
    said = capsys.readouterr().err.splitlines()[-2:]
    assert re.match(r"2 of 2 studies .* in the reading error, and more than 1 speak", said[0])
    assert said[1].startswith("Do not believe calls of this version")
    assert main(["calibrate", "smal"]) == 2


def test_an_unknown_size_is_named(tmp_path):
    with pytest.raises(UsageError, match="no calibration 'smal'"):
        calibrate("smal", tmp_path, 1, print)
