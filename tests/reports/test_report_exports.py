"""What stands beside a page: for programs, papers and people without a browser."""

from __future__ import annotations

import itertools
import json
import math
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
import yaml

import reports.page
from reports.chapters.provenance import provenance
from reports.data.run import Run
from reports.exports import beside, citation, latex, methods, results, schema, suite, summary
from studies.folder.schema.tables import TABLES, VARYING
from tests.support.bending import (
    HOSTILE,
    Bend,
    Frames,
    Manifest,
    all_diverged,
    call,
    hostile_names,
    one_dataset,
    one_optimizer,
    rename,
    too_few,
    unchanged,
)

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "reports" / "exports" / "results.schema.json").read_text())
EDITS = [unchanged, too_few, all_diverged, one_optimizer, one_dataset, hostile_names]


@pytest.fixture(scope="module")
def small(real: Path) -> Run:
    return reports.read(real)


def parsed(content: bytes) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(content, parse_constant=refuse)


def finite(value: Any) -> float:
    return math.nan if value is None else float(value)


# results.json


def test_the_schema_is_written_from_the_tables_and_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert schema.schema() == SCHEMA, "python -m reports.exports.schema > reports/exports/results.schema.json"
    for name in ("comparisons", *results.WHOLE):
        line = SCHEMA["properties"][name]["items"]
        assert set(TABLES[name].columns) <= set(line["required"])
        assert all(field["description"] for field in line["properties"].values())


@pytest.mark.parametrize("edit", EDITS)
def test_results_fit_their_schema_also_in_hard_cases(bend: Bend, edit: Any) -> None:
    found = parsed(results.results(reports.read(bend(edit))))
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    assert json.dumps(found, indent=2, sort_keys=True)


def test_a_result_that_is_none_does_not_fit(small: Run) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for path, value in [
        (("schema_version",), 1),
        (("comparisons", 0, "verdict"), "cannot be told apart"),
        (("comparisons", 0, "p_holm"), "nan"),
        (("picks", 0, "settings"), "{}"),
        (("ranking", 0, "place"), 1.5),
        (("sha256",), "none"),
    ]:
        found = parsed(results.results(small))
        inner = found
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        assert not validator.is_valid(found), path
        del inner[path[-1]]
        assert not validator.is_valid(found), path


def test_every_number_of_a_table_comes_back(bend: Bend) -> None:
    run = reports.read(bend(all_diverged))
    found = parsed(results.results(run))
    infinite = 0
    for name in ("comparisons", *results.WHOLE):
        assert len(found[name]) == len(run[name])
        for column in run[name].select_dtypes("number"):
            back = np.array([finite(line[column]) for line in found[name]])
            np.testing.assert_array_equal(back, run[name][column].to_numpy(float))
            infinite += int(np.isinf(back).sum())
    assert infinite


def test_a_call_names_its_optimizer_and_every_pair_is_there(bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        call(
            frames, {("adam", "sgd"): "beats", ("momentum", "sgd"): "beats", ("adam", "momentum"): "as good"}
        )

    found = parsed(results.results(reports.read(bend(edit))))
    pooled = [one for one in found["comparisons"] if (one["reading"], one["scope"]) == ("error", "pooled")]
    said = {frozenset((one["a"], one["b"])): (one["better"], one["verdict"]) for one in pooled}
    assert said[frozenset(("adam", "sgd"))][0] == "adam"
    assert said[frozenset(("momentum", "sgd"))][0] == "momentum"
    assert said[frozenset(("adam", "momentum"))] == (None, "as good")
    every = {(one["reading"], one["scope"], one["a"], one["b"]) for one in found["comparisons"]}
    assert len(every) == 2 * 3 * math.comb(3, 2)
    units = {(one["reading"], one["scope"]): one["unit"] for one in found["comparisons"]}
    assert units["error", "pooled"] == "margins"  # a classification and a regression
    assert units["error", "wine"] == "share misclassified"
    assert "RMSE" in units["error", "diabetes"]
    assert all("logarithm" in unit for (reading, _), unit in units.items() if reading == "ratio")


def test_results_hold_no_path_and_nothing_that_the_clock_decides(bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        manifest["asked"]["optimizers"]["adam"] |= {"file": "/home/somebody/mine.py", "source": "ab12"}

    def slower(frames: Frames, manifest: Manifest) -> None:
        edit(frames, manifest)
        frames["timings"] = frames["timings"].assign(seconds=frames["timings"].seconds * 7)

    one, two = (results.results(reports.read(bend(change))) for change in (edit, slower))
    assert one == two
    assert b"somebody" not in one
    assert not set(parsed(one)["tables"]) & set(VARYING)


def test_one_hash_stands_for_all_tables(bend: Bend) -> None:
    def other(frames: Frames, manifest: Manifest) -> None:
        frames["rows"].loc[0, "test_error"] += 0.001

    found = [parsed(results.results(reports.read(bend(edit)))) for edit in (unchanged, unchanged, other)]
    assert found[0]["sha256"] == found[1]["sha256"] != found[2]["sha256"]
    on_page = provenance(reports.read(bend(unchanged)))
    assert on_page is not None
    assert found[0]["sha256"][:16] in on_page.answer


# The others


@pytest.fixture
def blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is made at once."""
    made = SimpleNamespace(page=b"<!doctype html>", pictures=[[]])
    monkeypatch.setattr(reports.page, "make", lambda *_: made)


@pytest.mark.usefixtures("blank")
def test_five_files_stand_beside_a_page_under_names_of_its_own(real: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(real, runs / "small")
    run = reports.read(runs / "small")
    for page, prefix in (
        (runs / "small" / "report.html", ""),
        (runs / "report.html", ""),
        (runs / "both.html", "both-"),
        (runs / "small" / "both.html", "both-"),
        (tmp_path / "report.html", "report-"),  # somebody's own folder
    ):
        wanted = beside.beside(run, page)
        assert len(wanted) == 5
        assert all(name.startswith(prefix) and "report" not in name[len(prefix) :] for name in wanted)
    (tmp_path / "results.json").write_text("mine")
    reports.write([run], tmp_path / "report.html")
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert made.pop("results.json") == b"mine"
    assert made.pop("report.html") == b"<!doctype html>"
    assert made == wanted


def cells(line: str) -> list[str]:
    return [one.strip() for one in re.split(r"(?<!\\)\|", line)[1:-1]]


@pytest.mark.parametrize("edit", EDITS)
def test_the_summary_is_whole_and_its_tables_have_equal_lines(bend: Bend, edit: Any) -> None:
    said = summary.summary(reports.read(bend(edit))).decode()
    assert not re.search(r"\bnan\b|\binf\b|None\b", said)
    assert "\x07" not in said
    assert "\u202e" not in said
    lines = said.splitlines()
    tables = [
        list(some) for is_table, some in itertools.groupby(lines, lambda s: s.startswith("|")) if is_table
    ]
    assert len(tables) == (1 if edit is one_optimizer else 2)
    for table in tables:
        assert len({len(cells(line)) for line in table}) == 1
        assert set(cells(table[1])) <= {"---", "---:"}
    for word in ("## Checks", "## Methods", "## Make it again"):
        assert lines.count(word) == 1
    outside = re.sub(r"```.*?```", "", said, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)[<>&@]", outside)
    assert len(said.encode()) < 12_000


def test_the_matrix_says_for_each_cell_what_its_comparison_says(small: Run) -> None:
    lines = summary.summary(small).decode().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("| Test error"))
    heads = cells(lines[at])
    table = {cells(line)[0]: cells(line) for line in lines[at + 2 : at + 5]}
    errors = small["readings"].groupby(["dataset", "optimizer"]).search_error.median()
    said = {"=": {"as good"}, "?": {"not decided"}, "✗": {"a", "b"}}
    for dataset in small.datasets:
        column = heads.index(dataset)
        first = errors[dataset].idxmin()
        assert table[small.title(first)][column].startswith("●")
        for other in set(small.optimizers) - {first}:
            sign = table[small.title(other)][column][0]
            one = small.against("error", dataset, other, first)
            assert one is not None
            assert one["verdict"] in said[sign]


def test_what_is_recommended_is_what_to_take(bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        frames["picks"].loc[frames["picks"].dataset == "wine", "recommended"] = "linear model"
        beside = frames["alternatives"]
        wine = beside.dataset == "wine"
        beside.loc[wine, "recommended"] = beside.model[wine] == "linear model"
        beside.loc[wine & (beside.model == "linear model"), "verdict"] = "model"

    lines = summary.summary(reports.read(bend(edit))).decode().splitlines()
    taken = {
        cells(line)[0]: cells(line)[1] for line in lines if line.startswith(("| wine |", "| diabetes |"))
    }
    assert taken["wine"] == "linear model"


@pytest.mark.parametrize("edit", EDITS)
def test_the_table_is_balanced_and_escaped(bend: Bend, edit: Any) -> None:
    text = latex.table(reports.read(bend(edit))).decode()
    bare = re.sub(r"\\[\\&%$#_]", "", text)
    depth = 0
    for sign in bare:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0
    assert not re.search(r"[#<>|~^]", bare)
    assert bare.count("$") % 2 == 0
    assert not re.search(r"\\\\\s*[\[*]", text)  # what LaTeX takes for an option of the line before
    body = text[text.index("\\toprule") : text.index("\\bottomrule")]
    rows = [line for line in body.splitlines() if line.endswith("\\\\")]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(reports.read(bend(edit)).datasets)}


TRAPS = [
    "a_b & 50% #1",
    r"\end{tabular} $x^2$ {",
    "[2pt] *",
    "-- ~ | < > \" ' `",
    "é ß β₂ γ × – 0.5",
    "x" * 300,
]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_hostile_names_come_out_of_latex_as_they_went_in(bend: Bend, tmp_path: Path) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        rename(
            frames, manifest, dict(zip(("sgd", "momentum", "adam", "wine", "diabetes"), TRAPS, strict=False))
        )
        manifest["asked"]["name"] = TRAPS[1]

    run = reports.read(bend(edit))
    (tmp_path / "table.tex").write_bytes(latex.table(run))
    named = " \\par ".join(map(latex.escaped, TRAPS))
    (tmp_path / "all.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\\input{table}\n"
        f"{named}\n\\end{{document}}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all.tex"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "undefined" not in done.stdout.lower()


def test_every_sign_that_latex_reads_as_its_own_is_escaped() -> None:
    alone = {sign: latex.escaped(sign) for sign in "&%$#_{}~^\\"}
    assert all(text != sign and text.startswith("\\") for sign, text in alone.items())
    assert latex.escaped("a--b---c") == "a-{}-b-{}-{}-c"
    assert "\x07" not in latex.escaped(HOSTILE[4])


def bibtex(text: str) -> dict[str, dict[str, str]]:
    entries = {}
    for key, body in re.findall(r"@misc\{([\w-]+),\n(.*?)\n\}\n", text, re.DOTALL):
        entries[key] = dict(re.findall(r"^  (\w+) = \{\{(.*)\}\},$", body, re.MULTILINE))
    return entries


def test_the_suite_is_cited_as_its_citation_file_says(small: Run) -> None:
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    read = suite.cited()
    assert all(read[key] == said[key] for key in ("title", "version", "license", "type", "message"))
    assert read["name"] == said["authors"][0]["name"]
    entry = bibtex(citation.citation(small).decode())["dlopt"]
    assert (entry["title"], entry["author"]) == (said["title"], said["authors"][0]["name"])
    assert said["version"] in entry["note"]


def test_a_run_is_cited_by_the_hash_of_its_results(bend: Bend) -> None:
    run = reports.read(bend(hostile_names))
    text = citation.citation(run).decode()
    entries = bibtex(text)
    assert len(entries) == 2
    assert run.sha256 in entries[f"dlopt-{run.sha256[:16]}"]["note"]
    assert text.count("{") == text.count("}")


def test_the_methods_have_this_runs_numbers(small: Run) -> None:
    said = methods.methods(small).decode()
    question, asked = small.manifest["question"], small.manifest["asked"]
    assert said.count("\n") == 1
    for text in (
        "3 optimizers (SGD, Momentum and Adam)",
        "wine (178 rows) and diabetes (442 rows)",
        f"repeated in {asked['blocks']} blocks",
        f"searched by {question['draws']} draws (random sampler)",
        "a search of 2 draws",
        "for 3 epochs",
        "over 3 pairs over all datasets together and over 6 pairs × datasets",
        "1 point of error in classification, 0.02 RMSE in regression or 1.1 times the examples",
        f"in {question['fresh']} fresh blocks and confirmed in {question['fresh']} others",
        f"seed {question['seed']}",
        "arithmetic: compiled, the same on every x86-64 machine",
        small.sha256[:16],
    ):
        assert text in said, text
    assert said.strip() in re.sub(r"\\(.)", r"\1", summary.summary(small).decode())


def test_methods_say_another_sampler_and_metric(small: Run) -> None:
    manifest = json.loads(json.dumps(small.manifest))
    manifest["question"]["metric"] = "loss"
    manifest["asked"]["optimizers"]["adam"]["sampler"] = "tpe"
    optimizers = small["optimizers"].assign(sampler=["random", "random", "tpe"])
    other = Run(small.path, manifest, small.machine, {**small.tables, "optimizers": optimizers}, small.hashes)
    said = methods.methods(other).decode()
    assert "(random or tpe sampler)" in said
    assert "in all its 4 draws" in said
    assert "a search of 2 draws" not in said
    assert "1 point of error" not in said


def test_a_claim_is_listed_with_its_verdict(small: Run) -> None:
    columns = TABLES["claims"].columns
    empty = {"string": "", "int": 0, "float": math.nan, "bool": True}
    line = {name: empty[column.type] for name, column in columns.items()}
    line |= {"number": 7, "says": "Powers of two | are <faster>.", "verdict": "undecided"}
    frame = pd.DataFrame([line], columns=list(columns))
    run = Run(
        small.path, small.manifest, small.machine, {**small.tables, "clocked_claims": frame}, small.hashes
    )
    assert r"| 7 | Powers of two \| are \<faster\>. | undecided |" in summary.summary(run).decode()
    (found,) = parsed(results.results(run))["claims"]
    assert (found["number"], found["clocked"], found["effect"]) == (7, True, None)
