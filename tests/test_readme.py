"""Everything in README that can be run is run: here if it is short, else by .ci/run."""

import dataclasses
import importlib.util
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from studies import run
from studies.catalog import STUDIES
from studies.cli.entry import main
from studies.folder.read import Tables

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
PROSE = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
INDENTED = [line.split("  #")[0].strip() for line in re.findall(r"^    .*", PROSE, re.MULTILINE)]
SPANS = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", PROSE)]
COMMANDS = [*INDENTED, *(span for span in SPANS if re.match(r"(make|python -m|--)", span))]

STARTS = r"(datasets|dlopt|studies|reports|tests)/ "  # of a line that shows the house
OVERRIDES = [command for command in COMMANDS if command.startswith("make study ARGS=")]
SHORT = (
    "python -m studies list optimizers",
    "python -m studies table datasets/penguins.csv --target species",
    "python -m studies try wine --optimizers sgd,adam",
    "python -m studies try saddle --optimizers sgd,adam",
    "python -m studies show runs/quick",
    "python -m studies mirror runs/quick",
    "python -m studies describe adam",
    "python -m studies describe rows",
    "python -m studies show runs/quick --best --as torch",
    "python -m studies replay runs/quick wine/1/adam/search/2",
)
LONG = {  # and the line of .ci/run
    "make study": "make study",
    "make study NAME=quick": "make study NAME=quick",
    "make docs": "make docs",
    "make bench": 'make bench ARGS="--quick --strict"',
    "make calibrate CALIBRATE=small": "make calibrate CALIBRATE=small JOBS=1",
    "python -m reports RUN RUN -o page.html": "python -m reports runs/default runs/quick -o runs/both.html",
}
OWN_TESTS = {
    "make": "test_make_alone_lists_what_there_is",
    "make dashboard NAME=quick": "test_the_dashboard_answers_on_this_machine_alone",
    "python -m studies run path.py:my_study": "test_a_study_in_a_file_of_one_s_own_runs",
    "python -m studies run --out FOLDER": "test_a_folder_is_gone_on_with",
    "make study DATA=table.csv TARGET=column": "test_a_table_and_an_optimizer_of_one_s_own_run",
    "make study NAME=quick DATA=datasets/penguins.csv TARGET=species ARGS='--category year --drop island'": (
        "test_what_readme_shows_of_a_table_is_what_is_printed"
    ),
    "make study OPTIMIZER=my_optimizer.py": "test_a_table_and_an_optimizer_of_one_s_own_run",
    "python -m studies check my_optimizer.py": "test_a_table_and_an_optimizer_of_one_s_own_run",
    "python -m studies run quick --optimizer torch:torch.optim.NAdam --search torch-nadam.beta1=0.8:0.99": (
        "test_an_optimizer_of_torch_is_asked_for"  # it trains in tests/peers/test_foreign.py
    ),
    "--engine numpy": "test_what_changes_one_thing_is_understood_through_make",
    "--report": "test_a_table_and_an_optimizer_of_one_s_own_run",
    "--optimizer old=a.py --optimizer new=b.py": "test_two_versions_of_a_class_stand_side_by_side",
    "--config study.toml": "test_a_file_of_overrides_is_read",
    "--storage env:NAME": "test_a_storage_that_is_not_there_is_named",
}


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """What README calls runs/quick, made smaller, with its mirror."""
    out = tmp_path_factory.mktemp("runs") / "quick"
    run(dataclasses.replace(STUDIES["quick"], blocks=2, epochs=2), out=out, jobs=1)
    assert main(["mirror", str(out)]) == 0
    return out


def make(*words, **more):
    """make in the checkout, with the Python that runs this test."""
    return subprocess.Popen(
        ["make", f"VENV={sys.prefix}", "-o", f"{sys.prefix}/.ready", *words],
        **{"cwd": ROOT, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | more,
    )


@pytest.mark.slow
def test_a_table_and_an_optimizer_of_one_s_own_run(tmp_path):
    text = next(block for block in PYTHON if "class MyAdam" in block)
    file, table = tmp_path / "my_optimizer.py", tmp_path / "table.csv"
    file.write_text(text.partition("check(MyAdam)\n")[0])
    table.write_text(
        "width,column\n" + "".join(f"{i % 37},{'yes' if i % 37 > 18 else 'no'}\n" for i in range(90))
    )
    assert main(["check", str(file)]) == 0
    out = tmp_path / "out"
    words = [f"DATA={table}", "TARGET=column", f"OPTIMIZER={file}", f"OUT={out}", "JOBS=1"]
    small = "ARGS=--optimizers sgd --blocks 2 --trials 2 --epochs 2"
    said, wrong = make("study", *words, small).communicate(timeout=120)
    assert "MyAdam" in said, wrong
    page = (out / "report.html").read_text()
    assert "How was table read?" in page
    assert "myadam" in page


def test_two_versions_of_a_class_stand_side_by_side(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = next(block for block in PYTHON if "class MyAdam" in block).partition("check(MyAdam)\n")[0]
    Path("a.py").write_text(text)
    Path("b.py").write_text(text.replace("0.999", "0.99").replace("MyAdam", "Lion"))
    named = next(one for one in COMMANDS if one.startswith("--optimizer old"))
    small = "--optimizers sgd,adam --datasets wine --blocks 2 --trials 2 --epochs 2 --jobs 1 --out run"
    assert main(["run", "quick", *shlex.split(f"{named} {small}")]) == 0
    capsys.readouterr()
    calls = Tables(Path("run"))["comparisons"]
    families = set(zip(calls.a, calls.b, calls.family, strict=True))
    assert {(a, b) for a, b, family in families if family == "others"} == {("sgd", "adam")}
    assert {("sgd", "new"), ("adam", "old"), ("new", "old")} <= {(a, b) for a, b, _ in families}


def test_what_readme_shows_of_a_table_is_what_is_printed(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["table", "datasets/penguins.csv", "--target", "species"]) == 0
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    (shown,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    for line in shown.splitlines():
        words = [word for word in line.split() if word != "…"]
        assert any(set(words) <= set(one) for one in printed), line
    command = next(one for one in INDENTED if "penguins" in one and one.startswith("make"))
    asked = shlex.split(command)
    options = [*shlex.split(asked[-1].removeprefix("ARGS=")), "--data", asked[3].removeprefix("DATA=")]
    assert main(["run", "quick", *options, "--target", "species", "--where"]) == 0
    place = capsys.readouterr().out.strip()
    assert place.startswith("runs/quick--penguins--species")
    assert main(["run", "quick", *options, "--target", "species", "--dry-run"]) == 0


def test_every_command_is_run_by_something():
    unknown = [line for line in COMMANDS if not re.match(STARTS, line)]
    assert set(unknown) == {*SHORT, *OVERRIDES, *LONG, *OWN_TESTS}
    assert set(OWN_TESTS.values()) <= set(globals())
    assert len(OVERRIDES) == 8


@pytest.mark.parametrize("command", LONG)
def test_a_long_command_is_a_line_of_ci(command):
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert LONG[command] in [line.strip().removeprefix(".venv/bin/") for line in lines]


def test_one_of_the_overrides_really_runs_in_ci():
    assert set(OVERRIDES) & {line.strip() for line in (ROOT / ".ci" / "run").read_text().splitlines()}


@pytest.mark.slow
@pytest.mark.parametrize("command", SHORT)
def test_a_short_command_runs(command, quick):
    words = command.replace("runs/quick", str(quick)).split()
    done = subprocess.run([sys.executable, *words[1:]], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.fixture(scope="module")
def tells(tmp_path_factory):
    """An environment whose Python only tells its arguments."""
    venv = tmp_path_factory.mktemp("venv")
    python = venv / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    python.chmod(0o755)
    return ["-o", str(venv / ".ready"), f"VENV={venv}"]


@pytest.mark.parametrize("command", OVERRIDES)
def test_what_changes_one_thing_is_understood_through_make(command, tells, tmp_path, monkeypatch, capsys):
    words = make(*shlex.split(command)[1:], *tells).communicate()[0].split("\0")
    assert (words[:3], words[-2:]) == (["-m", "studies", "run"], ["--report", ""])
    monkeypatch.chdir(tmp_path)
    assert main([*words[2:-2], *([] if "--dry-run" in words else ["--dry-run"])]) == 0
    told = capsys.readouterr().out
    assert told.startswith("default into runs/default")
    assert "Nothing was trained." in told
    assert not list(tmp_path.iterdir())


def test_a_dry_run_through_make_writes_no_page(quick):
    asked = ["NAME=quick", f"OUT={quick}", "ARGS=--epochs 2 --blocks 2 --dry-run"]
    process = make("study", *asked)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "has all the searches of quick: none would be trained." in out
    assert not (quick / "report.html").exists()


def test_make_alone_lists_what_there_is():
    assert "  study       run a study" in make().communicate()[0]


@pytest.mark.slow
def test_a_study_in_a_file_of_one_s_own_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    study = "Study('mine', ('sgd', Arm('adam', decay='cosine')), ('wine',), blocks=1, draws=2, epochs=1)"
    (tmp_path / "path.py").write_text(f"from studies import Arm, Study\nmy_study = {study}\n")
    assert main(["run", "path.py:my_study", "--jobs", "1", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("runs/mine: ")


def test_a_folder_is_gone_on_with(quick, capsys):
    assert main(["run", "--out", str(quick), "--jobs", "1"]) == 0
    assert "is finished: nothing was left to train." in capsys.readouterr().out


def test_a_file_of_overrides_is_read(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text('[set]\n"adam.beta2" = 0.99\n')
    assert main(["run", "--config", "study.toml", "--where"]) == 0
    assert capsys.readouterr().out.strip() in SPANS[SPANS.index("runs/default--adam.beta2=0.99") :]


def test_an_optimizer_of_torch_is_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = next(command for command in INDENTED if "torch-nadam" in command)
    there = importlib.util.find_spec("torch") is not None
    assert main([*command.split()[3:], "--dry-run"]) == (0 if there else 2)
    assert there or "torch is not installed.\npip install torch" in capsys.readouterr().err


def test_a_storage_that_is_not_there_is_named(quick, monkeypatch, capsys):
    monkeypatch.delenv("NAME", raising=False)
    assert main(["mirror", str(quick), "--storage", "env:NAME"]) == 2
    assert "NAME" in capsys.readouterr().err


@pytest.mark.slow
def test_the_dashboard_answers_on_this_machine_alone(quick):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        taken = make("dashboard", "NAME=quick", f"OUT={quick}", f"PORT={port}")
        assert f"Port {port} is taken, or is none.\nChoose another: " in taken.communicate(timeout=60)[1]
    process = make("dashboard", "NAME=quick", f"OUT={quick}", f"PORT={port}", process_group=0)
    try:
        deadline = time.monotonic() + 300
        while not listening(port):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert listening(port) == {"0100007F"}  # 127.0.0.1, and nothing else
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/dashboard", timeout=20) as page:
            assert page.status == 200
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/studies", timeout=20) as studies:
            assert "wine \\u00b7 adam" in studies.read().decode()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=20)
    assert not listening(port)


def listening(port):
    """The addresses at which a port is open, in hexadecimal digits."""
    tables = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    lines = [line.split() for line in tables.splitlines()]
    return {line[1].split(":")[0] for line in lines if line[3] == "0A" and line[1].endswith(f":{port:04X}")}


@pytest.mark.slow
def test_the_python_runs_as_it_stands(quick, tmp_path):
    assert len(PYTHON) == 7
    script = tmp_path / "readme.py"
    script.write_text(
        "\n".join(PYTHON).replace("runs/mine", f"{tmp_path}/mine").replace("runs/quick", str(quick))
    )
    there = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], cwd=ROOT, capture_output=True, text=True, env=there)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine" / "tables" / "ranking.parquet").exists()
