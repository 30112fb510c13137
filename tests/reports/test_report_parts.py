"""A chapter's parts come from its files, in the places that they name."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from reports import page
from reports.parts import PARTS, makers

ROOT = Path(__file__).parents[2]
FIGURE = '''
"""How many rows there are."""

from reports.parts import Part, part


@part("trust")
def counted(run):
    """A part of one's own."""
    return Part("counted", "How many?", f"{len(run['rows'])} rows.")
'''
ASKS = """
from reports import page
from reports.parts import makers
print(*(make.__name__ for make in makers("trust")))
"""


def test_a_file_among_the_chapters_is_all_that_a_part_needs(tmp_path):
    usual = [make.__name__ for make in makers("trust")]
    shutil.copytree(ROOT / "reports", tmp_path / "reports", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "reports" / "chapters" / "counted.py").write_text(FIGURE)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", ASKS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
    )
    assert done.stdout.decode().split() == [*usual, "counted"], done.stderr.decode()


def test_every_part_belongs_to_a_chapter_of_the_page():
    assert set(PARTS) <= {anchor for anchor, *_ in page.CHAPTERS}


def test_parts_stand_by_place_and_those_of_a_file_as_written_there():
    names = [make.__name__ for make in makers("batch")]
    files = [make.__module__.rpartition(".")[2] for make in makers("batch")]
    assert (files[0], files[-1]) == ("size_effects", "rate_map")
    assert names == ["size_effects", "steps", "best_size", "rate_map"]


def test_no_two_files_share_a_place_or_their_order_would_be_that_of_imports():
    for chapter, found in PARTS.items():
        files = {place: {make.__module__ for at, make in found if at == place} for place, _ in found}
        assert all(len(one) == 1 for one in files.values()), (chapter, files)
