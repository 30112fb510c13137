"""What a page takes of its reader is counted right, and what is over the budget is said."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.measure import Answer, Budget, measure

ROOT = Path(__file__).parents[2]

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>not shown</title>
<style>body, p { margin: 0 } section { height: 1350px }</style></head><body>
<section id="one"><p class="says">Adam: 1.5 to 2.5.</p><p hidden>not shown</p>
<div><svg width="200" viewBox="0 0 400 50"><text y="20" font-size="16">label</text></svg></div></section>
<section id="two"><p class="says">It depends.</p><details><summary>More</summary>
<p>folded words</p><p class="says">folded 1 2 3 4</p></details></section></body></html>"""


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.html"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_what_is_shown_is_counted_and_what_is_folded_is_not(browser, page):
    found = measure(browser, page)
    assert found.screens == 3
    assert found.words == 8  # Adam: 1.5 to 2.5. | label | It depends. | More
    assert found.bytes == len(PAGE.encode())
    assert found.figures == 1
    assert [(one.card, one.words, one.numbers) for one in found.answers] == [("one", 4, 2), ("two", 2, 0)]
    assert found.smallest == ("one", pytest.approx(8))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("2.2 points [0.9, 8.6], p = 0.047", 4),
        ("40\u2009238 examples, 1,000 words, 6.8e−5", 3),
        ("L2, β₂, 1−β₁ and Choi et al. 2019", 0),
        ("16 of 64, −128.8 %, 1.25×, 10.", 5),
    ],
)
def test_numbers_are_told_from_names(text, numbers):
    assert Answer("card", text).numbers == numbers


def test_what_is_over_the_budget_is_named_and_what_is_at_it_is_not(browser, page):
    found = measure(browser, page)
    at = Budget(bytes=found.bytes, screens=3, words=8, answer_words=4, answer_numbers=2)
    assert found.over(at) == []
    under = Budget(bytes=found.bytes - 1, screens=2.5, words=7, answer_words=4, answer_numbers=1)
    screens, words, size, answer = found.over(under)
    assert (screens, words) == ("3 screens, and 2.5 are the most", "8 words, and 7 are the most")
    assert size.startswith(f"{found.bytes:,} bytes")
    assert answer.startswith("one: 4 words and 2 numbers")
    assert len(found.over(Budget(bytes=found.bytes, answer_words=3))) == 1


@pytest.mark.slow
def test_by_hand_it_fails_where_it_is_strict_and_over_the_budget(executable, page):
    def by_hand(*options):
        command = [sys.executable, "-m", "tests.browser.measure", str(page), *options]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    done = by_hand("--strict")
    assert "3.0 screens of 1440 × 900\n8 visible words\n" in done.stdout
    assert done.returncode == 0
    page.write_text(PAGE.replace("It depends", "It depends" + " again" * 29), encoding="utf-8")
    done = by_hand("--budget", "claims", "--strict")
    assert "over: two: 31 words and 0 numbers, and 30 and 3 are the most" in done.stdout
    assert done.returncode == 1
