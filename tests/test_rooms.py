"""The arrows of the house: who may import whom, read from the imports themselves."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {
    "dlopt": {"numpy"},
    "datasets": {"numpy", "pandas", "sklearn"},
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
    | {"rich", "sklearn", "sqlalchemy"},
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
    "optuna": {"draws.py", "mirror.py", "database.py"},
    "sqlalchemy": {"database.py"},
}


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
        assert not foreign, f"{path.relative_to(ROOT)} imports {sorted(foreign)}"


@pytest.mark.parametrize("package", ONLY_IN)
def test_a_heavy_package_stays_in_its_files_of_studies(package):
    users = {path.name for path in files("studies") if package in imports(path)}
    assert users == ONLY_IN[package]


@pytest.mark.parametrize("room", ALLOWED)
def test_every_room_is_a_package_with_short_files(room):
    assert (ROOT / room / "__init__.py").exists()
    for path in files(room):
        assert len(path.read_text().splitlines()) <= 400, f"{path} is too long to know at a glance"


def test_studies_reaches_reports_only_through_the_run_folder():
    for path in files("studies"):
        assert "import reports" not in path.read_text()
