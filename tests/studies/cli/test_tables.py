"""How a table of one's own is asked for: options, TOML, the run's folder, and what is shown of it."""

import json

import numpy as np
import pandas as pd
import pytest

from studies.cli import overrides
from studies.cli.entry import main
from studies.errors import UsageError
from studies.folder.manifest import read_manifest
from studies.folder.read import read_table
from studies.question import user_table

N = 120


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A table with an identifier, a code, a price and a rare class, in the folder where commands run."""
    rng = np.random.default_rng(2)
    monkeypatch.chdir(tmp_path)
    size = rng.normal(size=N)
    pd.DataFrame(
        {
            "customer_id": range(1000, 1000 + N),
            "zip": rng.choice(["01234", "00501", "10001"], N),
            "Price ($)": [f"${value:,.2f}" for value in rng.gamma(2, 500, N)],
            "size": size,
            "left": np.where(size + rng.normal(size=N) > 1.6, "yes", "no"),
        }
    ).to_csv("mine.csv", index=False)
    return tmp_path


def place(**flags):
    return str(overrides.place("quick", {"data": "mine.csv", "target": "left", **flags}))


def test_what_is_said_about_columns_reaches_the_table_the_manifest_and_the_page_s_tables(mine, capsys):
    words = ["run", "quick", "--data", "mine.csv", "--target", "left", "--quiet", "--jobs", "1"]
    words += ["--optimizers", "sgd,adam", "--blocks", "6", "--trials", "2", "--epochs", "2", "--fresh", "6"]
    words += ["--drop", "size", "--number", "zip", "--positive", "yes", "--out", "here"]
    assert main(words) == 0
    (spec,) = read_manifest(mine / "here")["asked"]["tables"].values()
    assert (spec["drop"], spec["number"], spec["positive"]) == (["size"], ["zip"], "yes")
    assert "category" not in spec
    columns = read_table(mine / "here", "columns").set_index("column")
    assert columns.role.to_dict() == {
        "customer_id": "dropped",
        "zip": "feature",
        "Price ($)": "feature",
        "size": "dropped",
        "left": "target",
    }
    assert columns.kind["zip"] == "number"
    classes = read_table(mine / "here", "classes")
    assert classes.name.tolist() == ["no", "yes"]
    assert classes["rows"].sum() == N
    assert read_manifest(mine / "here")["question"]["metric"] == "balanced-error"  # a rare class is meant
    capsys.readouterr()
    before = read_table(mine / "here", "datasets").sha256.tolist()
    user_table._sources.clear()  # as if by another process: all is read again as it was asked
    import datasets

    datasets._added.clear()
    assert main(["run", "--out", "here", "--quiet", "--jobs", "1"]) == 0
    assert "nothing was left to train" in capsys.readouterr().out
    assert read_table(mine / "here", "datasets").sha256.tolist() == before


def test_a_toml_file_says_the_same(mine):
    (mine / "mine.toml").write_text(
        'data = "mine.csv"\ntarget = "left"\ndrop = ["Price ($)"]\ncategory = ["size"]\n'
        'missing_target = "refuse"\npositive = "yes"\n'
    )
    given = overrides.read_config(mine / "mine.toml")
    assert given["drop"] == ["Price ($)"]  # as it is written
    flags = {"data": "mine.csv", "target": "left", "drop": ["Price ($)"], "category": ["size"]}
    flags |= {"missing_target": "refuse", "positive": "yes"}
    assert overrides.place("quick", {"config": "mine.toml"}) == overrides.place("quick", flags)


def test_different_tables_targets_and_readings_never_share_a_folder(mine):
    (mine / "sub").mkdir()
    found = [
        place(),
        place(target="zip"),
        place(target="left "),
        place(target="le-ft"),
        place(target="le/ft"),
        place(target="Price ($)"),
        place(target="Price [$]"),
        place(data="sub/mine.csv"),
        place(data="../mine.csv"),
        place(data="mine.parquet"),
        place(data="mine.csv.gz"),
        place(data="mine"),
        place(data="mine--left.csv", target="x"),
        place(target="left--x"),
        place(drop=["zip"]),
        place(drop=["size"]),
        place(drop=["size", "zip"]),
        place(drop=["size,zip"]),
        place(category=["zip"]),
        place(group="zip"),
        place(time="zip"),
        place(task="classification"),
        place(positive="yes"),
        place(missing_target="class"),
        place(target="x" * 200),
        place(target="x" * 201),
    ]
    assert len(set(found)) == len(found)
    assert len({name.lower() for name in found}) == len(found)  # where a disk does not tell them apart
    assert found[0] == "runs/quick--mine--left"  # the usual one is plain
    assert all(len(name) < 150 for name in found)


def test_one_table_has_one_folder_however_it_is_named(mine):
    assert place() == place(data="./mine.csv") == place(data=str(mine / "mine.csv"))
    assert place(drop=["size", "zip"]) == place(drop=["zip", "size", "zip"])


@pytest.mark.parametrize("option", ["target", "group", "time", "task", "drop", "number", "positive"])
def test_how_a_table_is_read_is_refused_without_one(option, mine):
    flags = {option: ["size"] if option in user_table.COLUMNS else "size"}
    with pytest.raises(UsageError, match=f"--{option} says how a table of yours is read, and none is given"):
        overrides.asked("quick", flags)


def test_what_is_shown_of_a_table_names_every_column_and_what_to_say(mine, capsys):
    assert main(["table", "mine.csv", "--target", "left"]) == 0
    shown = capsys.readouterr().out
    for line in ("mine: classification, 120 rows", "customer_id", "zip", "--number zip", "$", "yes"):
        assert line in shown
    assert main(["table", "mine.csv", "--target", "left", "--json", "--drop", "zip"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)["tables"]
    assert [one["column"] for one in facts["columns"]] == list(pd.read_csv("mine.csv"))
    assert next(one for one in facts["columns"] if one["column"] == "zip")["role"] == "dropped"
    assert sum(facts["classes"].values()) == facts["rows"] == N
    assert sum(one["features"] for one in facts["columns"]) == facts["features"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.csv", "--target", "y"], "There is no file 'nowhere.csv'"),
        (["mine.csv"], "Nothing says which column"),
        (["mine.csv", "--target", "lift"], "Did you mean 'left'?"),
        (["mine.csv", "--target", "left", "--drop", "sice"], "Did you mean 'size'?"),
        (["mine.csv", "--target", "left", "--drop", "left"], "the target 'left'"),
        (["mine.csv", "--target", "left", "--date", "size"], "size"),
        (["mine.csv", "--target", "left", "--drop", "zip", "--number", "zip"], "in one of them only"),
        (["mine.csv", "--target", "left", "--positive", "perhaps"], "perhaps"),
        (["mine.csv", "--target", "size", "--positive", "yes"], "needs classes"),
        (["mine.csv", "--target", "left", "--missing-target", "keep"], "keep"),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_sentence_and_a_remedy(words, said, mine, capsys):
    assert main(["table", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.strip().splitlines()) == 2


def test_each_table_of_a_folder_is_remembered_by_its_own_file(mine):
    (mine / "tables").mkdir()
    for name in ("b", "a"):
        (mine / "tables" / f"{name}.csv").write_bytes((mine / "mine.csv").read_bytes())
    names = user_table.take("tables", "left", drop=["size"])
    known = user_table.sources(names)
    assert {name: known[name]["path"] for name in names} == {
        name: str(mine / "tables" / f"{name}.csv") for name in ("a", "b")
    }
    assert all(one["drop"] == ["size"] for one in known.values())
