"""The arrows of the house: who may import whom, read from the imports themselves."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {
    "dlopt": {"numpy", "numba", "llvmlite"},  # the last two in engine/, and not before it is asked for
    "datasets": {"numpy", "pandas", "sklearn", "charset_normalizer"},
    "studies": {
        "dlopt",
        "datasets",
        "numpy",
        "optuna",
        "pandas",
        "pyarrow",
        "joblib",
        "scipy",
        "threadpoolctl",
    }
    | {"jsonschema", "rich", "sklearn", "sqlalchemy"}
    | {"torch", "optax", "jax"},  # not before an optimizer of theirs is asked for
    "reports": {
        "numpy",
        "pandas",
        "pyarrow",
        "seaborn",
        "matplotlib",
        "jinja2",
        "markupsafe",
    },  # the last is jinja2's
}
ONLY_IN = {  # within studies
    "sklearn": {"baselines.py"},
    "optuna": {"draws.py", "importances.py", "optuna_mirror.py", "database.py"},
    "sqlalchemy": {"database.py"},
    "torch": {"libraries.py"},
    "optax": {"libraries.py"},
    "jax": {"libraries.py"},
}
WINGS = {  # each imports what stands before it
    "datasets": ("sentences", "split", "scikit", "columns", "files", "doubts", "tables"),
    "studies": (
        *(
            "errors",
            "system",
            "folder",
            "question",
            "catalog",
            "training",
            "analysis",
            "takehome",
            "assemble",
        ),
        *("claims", "runner", "calibration", "cli", "__main__"),
    ),
    "reports": ("data", "parts", "draw", "chapters", "exports", "page", "files", "entry", "__main__"),
}
CONTRACT = {  # what these may import of studies
    "studies/folder": ("studies.errors", "studies.system", "studies.folder"),
    "reports": (
        *("studies.errors", "studies.system", "studies.folder"),
        *("studies.analysis.statistics", "studies.analysis.verdicts"),
        "studies.analysis.run_comparison",  # of two runs, which no folder of one could hold
    ),
}
MOST = 8  # files at a room's top, beside its wings


def files(room):
    return sorted((ROOT / room).rglob("*.py"))


def imports(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_its_door_allows(room):
    assert files(room)
    for path in files(room):
        foreign = imports(path) - ALLOWED[room] - {room} - set(sys.stdlib_module_names)
        foreign -= {"studies"} if room == "reports" else set()  # see the next test
        assert not foreign, f"{path.relative_to(ROOT)} imports {sorted(foreign)}"


def imported(path, room):
    """The modules of a room that a file imports, by their whole names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == room)
        elif isinstance(node, ast.ImportFrom) and node.module == room:
            yield from (f"{room}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{room}."):
            yield node.module


@pytest.mark.parametrize("place", CONTRACT)
def test_a_run_folder_is_read_without_anything_that_computes(place):
    """Its schema, its manifest and its reading; errors, the system; statistics and what decides.

    Reports ask for one result too: what no run alone could know.
    """
    for path in files(place):
        for name in imported(path, "studies"):
            assert f"{name}.".startswith(tuple(f"{one}." for one in CONTRACT[place])), (
                f"{path} imports {name}"
            )


@pytest.mark.parametrize("package", ONLY_IN)
def test_a_heavy_package_stays_in_its_files_of_studies(package):
    users = {path.name for path in files("studies") if package in imports(path)}
    assert users == ONLY_IN[package]


@pytest.mark.parametrize("room", ALLOWED)
def test_every_folder_is_a_package_that_says_what_it_is_for(room):
    for folder in {path.parent for path in files(room)}:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text())), folder


@pytest.mark.parametrize("room", WINGS)
def test_arrows_between_wings_go_one_way(room):
    order = WINGS[room]
    assert {path.stem for path in (ROOT / room).glob("*.py")} | {
        path.parent.name for path in (ROOT / room).glob("*/__init__.py")
    } == {*order, "__init__"}
    for path in files(room):
        wing = path.relative_to(ROOT / room).parts[0].removesuffix(".py")
        if wing == "__init__":
            continue
        for name in imported(path, room):
            other = name.split(".")[1] if "." in name else wing
            if other in order:  # else a name of the room's own door
                assert order.index(other) <= order.index(wing), f"{path} imports {name}"


@pytest.mark.parametrize("room", WINGS)
def test_few_files_lie_at_the_top(room):
    assert len(list((ROOT / room).glob("*.py"))) <= MOST


def test_studies_reaches_reports_only_through_the_run_folder():
    for path in files("studies"):
        assert "import reports" not in path.read_text()
