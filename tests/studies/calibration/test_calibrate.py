"""A calibration counts what it should, fails where it should, and goes on where it stopped."""

import dataclasses
import re

import pandas as pd
import pytest
from scipy import stats

from studies import run
from studies.calibration import calibrate as module
from studies.calibration.calibrate import ARMS, SIZES, Plan, Size, calibrate, false_alarms, line
from studies.calibration.draw_pool import Pool
from studies.cli.entry import main
from studies.errors import UsageError
from studies.folder import committed_tables
from studies.folder.read import read_table
from studies.folder.schema.tables import TABLES
from studies.question.arm import Arm

TINY = Plan("adam", 2, 2, ("wine",), blocks=8, draws=2, epochs=2)
POOL = Pool("wine", ARMS, blocks=33, draws=64, settings=256, epochs=1)  # 33: what the usual design needs


def calls(*words):
    lines = [("error", "pooled", words[0]), ("error", "wine", words[1]), ("ratio", "pooled", words[2])]
    return pd.DataFrame(lines, columns=["reading", "scope", "verdict"])


def test_an_alarm_is_a_call_over_all_datasets_together():
    assert false_alarms(calls("not decided", "a", "as good")) == set()
    assert false_alarms(calls("b", "not decided", "as good")) == {"error"}
    assert false_alarms(calls("a", "a", "b")) == {"error", "ratio"}
    with pytest.raises(ValueError, match="can call nothing"):
        false_alarms(calls(*["too few blocks"] * 3))


@pytest.mark.parametrize(("studies", "alarms"), [(25, 4), (40, 5), (2000, 120)])
def test_a_level_holds_as_long_as_the_interval_of_its_alarms_reaches_it(studies, alarms):
    lines = [line("2 copies", "adam", found, studies, "error", goal=0.05) for found in (alarms, alarms + 1)]
    assert [one["status"] for one in lines] == ["holds", "missed"]
    ends = [stats.binomtest(found, studies).proportion_ci(method="exact") for found in (alarms, alarms + 1)]
    assert ends[0].low <= 0.05 < ends[1].low
    assert (lines[0]["low"], lines[0]["high"]) == pytest.approx((ends[0].low, ends[0].high))
    assert {one["kind"] for one in lines} == {"equal"}


def test_a_goal_holds_as_long_as_the_interval_of_what_was_found_reaches_it():
    lines = [
        line("half of the steps", "adam", found, 100, "error", planted=True, goal=0.5) for found in (41, 39)
    ]
    assert [one["status"] for one in lines] == ["holds", "missed"]
    none = line("half of the steps", "adam", 3, 100, "ratio", planted=True)
    assert (none["status"], none["kind"]) == ("", "planted")


def test_copies_differ_in_their_draws_and_share_their_blocks(tmp_path):
    done = run(TINY.study(0), out=tmp_path / "aa", jobs=1)
    rows = read_table(done.path, "rows").query("kind == 'search'")
    assert sorted(rows.optimizer.unique()) == ["adam-copy-1", "adam-copy-2"]
    assert rows.settings.is_unique
    untuned = read_table(done.path, "rows").query("kind == 'untuned'")
    assert (untuned.groupby("block").test_loss.nunique() == 1).all()
    assert TINY.study(0).seed != TINY.study(1).seed


def test_a_handicap_is_found_where_copies_are_not(tmp_path):
    plan = SIZES["small"].whole
    slow = Arm("adam", name="adam-slow", search=(("lr", (1e-5, 1e-4)),))
    study = dataclasses.replace(plan.study(0), optimizers=(Arm("adam"), slow), name="handicap")
    done = run(study, out=tmp_path / "handicap", jobs=1)
    assert false_alarms(read_table(done.path, "comparisons")) == {"error", "ratio"}


@pytest.mark.slow
def test_a_calibration_goes_on_and_keeps_its_table(tmp_path, monkeypatch):
    monkeypatch.setitem(SIZES, "small", Size(TINY))
    said = []
    table = calibrate("small", tmp_path, 1, said.append)
    assert (list(table.reading), list(table.studies), len(said)) == (["error", "ratio"], [2, 2], 2)
    written = pd.read_csv(tmp_path / "small" / "calibration.csv")
    assert written.found.tolist() == table.found.tolist()
    trained = []
    monkeypatch.setattr(module, "run", lambda *a, **k: trained.append(run(*a, **k)) or trained[-1])
    again = calibrate("small", tmp_path, 1, said.append)
    assert [one.trained for one in trained] == [0, 0]
    assert again.found.tolist() == table.found.tolist()


@pytest.mark.slow
def test_too_many_alarms_are_a_failure_and_no_bad_input(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(SIZES, "small", Size(TINY))
    monkeypatch.setattr(module, "false_alarms", lambda _: {"error"})
    assert main(["calibrate", "small", "--out", str(tmp_path), "--jobs", "1"]) == 1
    said = capsys.readouterr().err.splitlines()[-2:]
    assert re.match(
        r"2 of 2 studies .*2 copies.* in the reading error, which speaks against a level", said[0]
    )
    assert said[1].startswith("Do not believe calls of this version")
    assert main(["calibrate", "smal"]) == 2


def test_folders_and_jobs_that_cannot_be_are_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"file/full/pool cannot be written to"):
        calibrate("full", tmp_path / "file", 1, print)
    with pytest.raises(UsageError, match="jobs must be a whole number >= 0, not -1"):
        calibrate("full", tmp_path, -1, print)


def test_an_unknown_size_is_named(tmp_path):
    with pytest.raises(UsageError, match="no calibration 'smal'"):
        calibrate("smal", tmp_path, 1, print)


@pytest.mark.slow
def test_a_full_calibration_asks_all_questions_of_a_pool_and_trains_it_once(tmp_path, monkeypatch):
    deeper = Pool("wine", ARMS[:1], blocks=20, draws=64, widths=(4, 4), epochs=1)
    regression = Pool("diabetes", ARMS[:1], blocks=20, draws=64, epochs=1)
    monkeypatch.setitem(SIZES, "small", Size(TINY, (POOL,), (deeper,), (regression,), studies=8))
    said = []
    table = calibrate("small", tmp_path, 2, said.append)
    assert list(table.columns) == list(TABLES["calibration"].columns)
    assert not table.duplicated(list(TABLES["calibration"].key)).any()
    assert sum(text.startswith("pool") for text in said) == 73
    assert set(table.question) == {
        "2 copies",
        "8 copies",
        "2 copies, whole studies",
        *(f"{n} copies, usual design" for n in (2, 8)),
        *module.HANDICAPS,
    }
    assert set(table[table.question == "2 copies"].subject) == {"Adam", "RMSprop", "Momentum", "SGD"}
    assert set(table[table.kind == "planted"].subject) == {"Adam", "RMSprop"}
    assert table[table.reading != "usual"].groupby("question").reading.nunique().eq(2).all()
    said.clear()
    again = calibrate("small", tmp_path, 1, said.append)
    assert not any(text.startswith("pool") for text in said)
    pd.testing.assert_frame_equal(again, table)


def test_what_is_committed_fits_its_schema():
    table = committed_tables.known()["calibration"]
    assert list(table.columns) == list(TABLES["calibration"].columns)
    assert not table.duplicated(list(TABLES["calibration"].key)).any()
    assert (table.studies >= 25).all()
