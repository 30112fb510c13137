"""Parts of the named studies: importances, batch sizes, β, schedules, the profile; several runs on a page."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import reports
from reports import page
from reports.chapters import betas, decay
from reports.chapters.batch import equal_time, rate_map, steps
from reports.chapters.tuning import importances
from reports.data import words
from reports.data.run import Run
from reports.entry import main
from reports.parts import Part
from studies import Study, run
from studies.analysis.statistics import order_interval
from studies.catalog import batch_arms
from studies.question.arm import Arm
from tests.support.bending import HOSTILE, Bend, Frames, Manifest, hostile_names, unchanged


def made(part: Part | None) -> Part:
    assert part is not None
    return part


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run over three batch sizes."""
    study = Study(
        name="tiny",
        optimizers=batch_arms(("sgd",), (16, 32, 64)),
        datasets=("wine",),
        blocks=4,
        fresh=4,
        draws=4,
        epochs=3,
    )
    return run(study, out=tmp_path_factory.mktemp("sizes") / "tiny", jobs=1).path


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run of fourteen arms: a map of β₁ × β₂, two values of β, and schedules."""
    study = Study(
        name="many",
        optimizers=(
            *(
                Arm("adam", name=f"adam-{b1}-{b2}", fixed=(("beta1", b1), ("beta2", b2)))
                for b1, b2 in itertools.product((0.5, 0.8, 0.9), (0.9, 0.99, 0.999))
            ),
            *(Arm("momentum", name=f"momentum-{beta}", fixed=(("beta", beta),)) for beta in (0.5, 0.9)),
            *(Arm("sgd", name=f"sgd-{kind}", decay=kind) for kind in ("none", "cosine", "step")),
        ),
        datasets=("wine", "diabetes"),
        blocks=8,
        fresh=4,
        draws=2,
        epochs=2,
    )
    return run(study, out=tmp_path_factory.mktemp("many") / "many", jobs=1).path


def test_importances_say_the_numbers_of_the_frame(bend: Bend) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        shares = {"lr": 0.6, "batch_size": 0.4}
        frames["importances"] = pd.DataFrame(
            [
                (dataset, optimizer, name, shares[name], 0.05, 32)
                for dataset in ("wine", "diabetes")
                for optimizer in ("sgd", "momentum", "adam")
                for name in shares
            ],
            columns=["dataset", "optimizer", "parameter", "importance", "error", "rows"],
        )
        frames["importances"].loc[:1, "importance"] = [0.27, 0.73]

    part = made(importances.importances(reports.read(bend(edit))))
    assert part.answer == (
        "The learning rate has the largest share in 5 of 6 cases; next the batch size, in 1."
    )
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in part.tables[0].rows}
    assert rows == {"SGD": ["batch 73", "rate 60"], "Momentum": ["rate 60"] * 2, "Adam": ["rate 60"] * 2}


def test_a_share_of_what_is_no_choice_is_left_out(sizes: Path) -> None:
    frame = made(importances.importances(reports.read(sizes))).data
    assert frame is not None
    assert "lr" in set(frame.parameter)
    assert "batch_size" not in set(frame.parameter)


def test_parts_of_other_studies_are_absent(bend: Bend) -> None:
    folder = bend(unchanged)
    found = reports.read(folder)
    parts = (
        steps.steps,
        steps.best_size,
        equal_time.best_in_time,
        betas.maps,
        betas.dots,
        decay.schedules,
    )
    assert [part(found) for part in parts] == [None] * len(parts)
    shown = {one.name for chapter in page._chapters(found, []) for one in chapter.parts}
    assert not shown & {"steps", "best-size", "best-in-time", "beta-map", "beta-dots", "schedules"}
    assert "rate-map" in shown


@pytest.fixture
def planted(sizes: Path) -> Run:
    """Batch sizes whose scaling is known: near perfect to 32, open at 64, ended at 128."""
    real = reports.read(sizes)
    frame = real["batch_sizes"].iloc[[0, 1, 2, 2]].copy()
    frame["batch_size"] = [16, 32, 64, 128]
    for name, lows, middles, highs in (
        ("examples", [90, 95, 100, 300], [100, 110, 120, 400], [110, 124, 190, 500]),
        ("steps", [5, 3, 2, 2], [6, 4, 3, 3], [7, 5, 4, 4]),
        ("epochs_loss", [0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.4, 0.5], [0.25, 0.35, 0.45, 0.6]),
        ("steps_loss", [0.7, 0.5, 0.3, 0.1], [0.8, 0.6, 0.4, 0.2], [0.9, 0.7, 0.5, 0.25]),
    ):
        for end, values in (("_low", lows), ("", middles), ("_high", highs)):
            frame[f"{name}{end}"] = np.array(values, float)
    return Run(real.path, real.manifest, real.machine, {**real.tables, "batch_sizes": frame}, real.hashes)


def test_scaling_says_where_it_is_near_perfect_and_where_it_ends(planted: Run) -> None:
    answer = made(steps.steps(planted)).answer
    assert answer == (
        "Scaling is near perfect up to batch 32 in 1 of 1 case; it has ended at batch 128 in 1."
    )
    planted["batch_sizes"].loc[:, "examples_high"] = 1000.0
    planted["batch_sizes"].loc[:, "examples_low"] = 1.0
    answer = made(steps.steps(planted)).answer
    assert answer == "Near perfect scaling is shown in none of 1 case; its end is shown in none."


def test_best_sizes_are_the_lowest_medians(planted: Run) -> None:
    answer = made(steps.best_size(planted)).answer
    assert answer == "The lowest median loss is at equal epochs at batch 16; at equal steps at batch 128."


def test_equal_time_names_the_quickest_size_and_the_lowest_loss_in_its_time(sizes: Path) -> None:
    real = reports.read(sizes)
    frame = real["batch_times"].iloc[[0, 1]].copy()
    frame["batch_size"], frame["seconds"] = [8, 64], [0.5, 0.125]
    for end, values in (("", [0.2, 0.4]), ("_low", [0.1, 0.3]), ("_high", [0.25, 0.5])):
        frame[f"time_loss{end}"] = values
    tables = {**real.tables, "batch_times": frame}
    answer = made(equal_time.best_in_time(Run(real.path, real.manifest, real.machine, tables))).answer
    assert answer == ("In the time of the quickest size (batch 64) the lowest median loss is at batch 8.")


@pytest.mark.slow
def test_equal_time_stands_in_the_section_about_the_machine(sizes: Path, tmp_path: Path) -> None:
    page = reports.write([sizes], tmp_path / "page.html").read_text()
    assert 'id="best-in-time"' in page[page.index('<section id="this-machine"') :]
    assert 'id="best-in-time"' not in page[: page.index('<section id="this-machine"')]


def inside_size(rows: pd.DataFrame, row: Any) -> pd.DataFrame:
    """An optimizer's sound draws of a batch size, best first."""
    mine = rows[
        rows.optimizer.str.startswith(row.uses) & (rows.dataset == row.dataset) & (rows.status == "ok")
    ]
    return mine[mine.batch_size == row.batch_size].sort_values(["best_validation_loss", "draw"])


def test_rate_map_takes_the_median_of_its_draws(sizes: Path) -> None:
    found = reports.read(sizes)
    cells = rate_map.rate_cells(found)
    assert cells is not None
    rows = found["rows"].query("kind == 'search'")
    assert int(cells.draws.sum()) == len(rows)
    one = cells.sort_values("draws").iloc[-1]
    inside = rows[(rows.batch_size == one.batch_size) & (np.floor(np.log10(rows.lr) * 4 + 1e-9) == one.bin)]
    losses = np.where(inside.status == "ok", inside.best_validation_loss, np.inf)
    assert one.loss == order_interval(losses)[0]
    best = rate_map.best_bins(found, cells)
    part = made(rate_map.rate_map(found))
    few = int((cells.draws < 3).sum())
    assert part.answer.startswith(f"{words.plural(len(cells), 'cell')} of a quarter decade hold ")
    assert f"{few} of them hold fewer than 3" in part.answer
    assert np.isfinite(best.best_lr).all()
    for row in best.itertuples():
        block_best = inside_size(rows, row).groupby("block").lr.first()
        assert row.best_lr == order_interval(block_best)[0]


@pytest.mark.slow
def test_batch_page_has_its_chapter_and_the_same_bytes_twice(sizes: Path, tmp_path: Path) -> None:
    pages = [reports.write([sizes], tmp_path / "page.html").read_bytes() for _ in range(2)]
    assert pages[0] == pages[1]
    page = pages[0].decode()
    for name in ("batch", "steps", "best-size", "rate-map", "importances"):
        assert f'id="{name}"' in page


def test_beta_cells_are_medians_and_dots_follow_the_calls(many: Path) -> None:
    found = reports.read(many)
    table = found["comparisons"]
    table["verdict"] = "not decided"
    part = made(betas.maps(found))
    assert part.data is not None
    assert part.data["dot"].all()
    for row in part.data.itertuples():
        read = found["readings"].query("dataset == @row.dataset and optimizer == @row.optimizer").search_error
        assert (row.median, row.low, row.high) == order_interval(read)[:3]
    assert part.answer.startswith("0 of 16 values are called worse than the lowest of a panel")
    here = part.data[part.data.dataset == "wine"].sort_values("median", kind="stable")
    best, other = here.optimizer.iloc[0], here.optimizer.iloc[-1]
    for a, b, call in ((best, other, "a"), (other, best, "b")):
        table.loc[(table.scope == "wine") & (table.a == a) & (table.b == b), "verdict"] = call
    found = replace(found)  # which read its calls before
    part = made(betas.maps(found))
    assert part.data is not None
    called = part.data[part.data.called_worse]
    assert list(called.optimizer) == [other]
    assert not called["dot"].any()
    assert part.answer.startswith("1 of 16 values is called worse than the lowest of a panel")
    table["verdict"] = "too few blocks"
    found = replace(found)
    few = made(betas.dots(found))
    assert few.data is not None
    assert not few.data["dot"].any()
    assert few.answer.startswith("Too few blocks to tell any two values apart")


def test_schedules_are_turned_to_schedule_minus_none(many: Path) -> None:
    found = reports.read(many)
    table = found["comparisons"]
    table["verdict"] = "not decided"
    pair = (table.reading == "error") & table.a.isin(["sgd-none", "sgd-cosine"])
    pair &= table.b.isin(["sgd-none", "sgd-cosine"])
    turned = table.a[pair].eq("sgd-none").to_numpy()
    table.loc[pair, "verdict"] = np.where(turned, "b", "a")  # cosine is better
    table.loc[pair, "p_holm"] = 0.004
    table.loc[pair, ["estimate", "low", "high"]] = np.where(
        turned[:, None], [[0.02, 0.01, 0.03]], [[-0.02, -0.03, -0.01]]
    )
    part = made(decay.schedules(found))
    assert part.data is not None
    mine = part.data[part.data.schedule == "cosine"]
    assert set(mine.verdict) == {"schedule better"}
    assert (mine.estimate == -0.02).all()
    assert part.answer == ("Of 2 schedules of optimizers 1 better than none and 1 not decided.")
    table["verdict"] = "too few blocks"
    found = replace(found)  # which read its calls before
    assert made(decay.schedules(found)).answer.startswith("Too few blocks to tell any schedule from none")


@pytest.mark.slow
def test_many_arms_stay_readable(many: Path, tmp_path: Path) -> None:
    page = reports.write([many], tmp_path / "page.html").read_text()
    assert len(page) < 2_000_000
    assert "Drawn are 12 of 14, those placed first; all of them are in csv/envelopes.csv." in page
    assert "The other 2, placed behind them" in page
    assert "Shown are the first 12 by place." in page
    assert not re.search(r"\bnan\b|together at \u2212", re.sub(r"<[^>]*>", " ", page))
    for text in re.findall(r'<p class="(?:says|verdict)">([^<]*)</p>', page):
        assert len(text) < 600
    assert words.join(map(str, range(13))) == "0, 1, 2, 3, 4, 5, 6, 7 and 5 more"
    assert words.join(map(str, range(12))).endswith("10 and 11")


@pytest.mark.slow
def test_several_runs_make_one_page(bend: Bend, sizes: Path, many: Path) -> None:
    first, second = bend(unchanged), bend(hostile_names)
    runs = [first, sizes, many, second]
    page = reports.write(runs)
    assert page == first / "report.html"
    text = page.read_text()
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    groups = {number: {i for i in ids if i.startswith(f"run{number}-")} for number in (2, 3, 4)}
    assert {"run2-steps", "run2-best-size", "run2-rate-map", "run2-again"} <= groups[2]
    assert {"run3-beta-map", "run3-beta-dots", "run3-schedules", "run3-machine"} <= groups[3]
    assert {"run4-matrix", "run4-ratios"} <= groups[4]
    assert "run3-matrix" not in groups[3]
    assert "Study “tiny”" in text
    assert HOSTILE[0] not in text
    assert (sizes / "figures" / "steps-wine.png").is_file()
    assert (many / "csv" / "comparisons.csv").is_file()
    group = text[text.index('<section id="run2"') :]
    assert 'href="csv/' not in group
    assert reports.write(runs).read_text() == text


def test_a_run_named_twice_is_refused(bend: Bend, capsys: pytest.CaptureFixture[str]) -> None:
    folder = bend(unchanged)
    assert main([str(folder), str(folder)]) == 2
    assert capsys.readouterr().err.splitlines()[0] == "A run folder is named twice."


@pytest.mark.slow
def test_command_takes_several_runs(bend: Bend, sizes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = bend(unchanged)
    assert main([str(folder), str(sizes)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == str(folder / "report.html")
    looks = int((reports.read(sizes)["audit"].status == "look").sum())
    assert sum(line.startswith("look: study tiny: ") for line in lines) == looks
    assert lines[:2] == reports.verdict(reports.read(folder))
