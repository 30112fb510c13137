"""What a page takes of its reader, and whether that is within its budget."""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from playwright.sync_api import Browser, Page

from tests.browser import chromium, looks

WIDTH, HEIGHT = 1440, 900
ANSWERS = ".says"
# A number and its power of ten, commas and thin spaces within; not a part of a name (L2, 1−β₁, et al. 2020).
NUMBER = re.compile(r"(?<![\w.,])(?<!et al\. )\d+(?:[.,\u2009\u202f]\d+)*(?:e[-+−]?\d+)?(?!\w|−[^\W\d])")


def count(text: str) -> int:
    """Words of a text: whatever stands between blanks and has a letter or a digit, for a sign is none."""
    return sum(any(map(str.isalnum, word)) for word in text.split())


@dataclass(frozen=True)
class Budget:
    """What a page may take of its reader at most. None: not limited."""

    bytes: int
    screens: float | None = None
    words: int | None = None
    answer_words: int = 30
    answer_numbers: int = 3


BUDGETS = {
    "report": Budget(bytes=1_000_000, screens=9, words=2300),
    "claims": Budget(bytes=500_000),
}


@dataclass(frozen=True)
class Answer:
    """The sentences that answer a card's question. card: its anchor."""

    card: str
    text: str

    @property
    def words(self) -> int:
        """How many of them there are."""
        return count(self.text)

    @property
    def numbers(self) -> int:
        """Each end of an interval is one."""
        return len(NUMBER.findall(self.text))


@dataclass(frozen=True)
class Measure:
    """A page of `bytes`, as it is when opened at 1440 × 900: screens, visible words, figures and answers.

    smallest: the card whose figure has the smallest label on a phone of 390 px, and that label's pixels.
    """

    bytes: int
    screens: float
    words: int
    figures: int
    answers: Sequence[Answer]
    smallest: tuple[str, float]

    def lines(self) -> Iterator[str]:
        """All of it, in words."""
        yield f"{self.screens:.1f} screens of {WIDTH} × {HEIGHT}"
        yield f"{self.words:,} visible words"
        yield f"{self.bytes:,} bytes"
        card, size = self.smallest
        yield f"{self.figures} figures; the smallest label on a phone: {size:.1f} px ({card})"
        if self.answers:
            words = mean(one.words for one in self.answers)
            numbers = mean(one.numbers for one in self.answers)
            yield f"{len(self.answers)} answers, in the mean {words:.1f} words and {numbers:.1f} numbers:"
        for one in self.answers:
            yield f"  {one.words:4} words {one.numbers:3} numbers  {one.card}"

    def over(self, budget: Budget) -> list[str]:
        """What is over the budget."""
        found = []
        for name in ("screens", "words", "bytes"):
            value, most = getattr(self, name), getattr(budget, name)
            if most is not None and value > most:
                found.append(f"{value:,.10g} {name}, and {most:,} are the most")
        for one in self.answers:
            if one.words > budget.answer_words or one.numbers > budget.answer_numbers:
                found.append(
                    f"{one.card}: {one.words} words and {one.numbers} numbers, and {budget.answer_words} and "
                    f"{budget.answer_numbers} are the most: {one.text}"
                )
        return found


def measure(browser: Browser, path: Path) -> Measure:
    """Measure the page of that path."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    try:
        page = context.new_page()
        page.goto(chromium.address(path))
        screens = round(page.evaluate("document.documentElement.scrollHeight") / HEIGHT, 2)
        words = count(page.inner_text("body"))
        figures = page.locator("svg").count()
        answers = list(_answers(page))
        page.set_viewport_size({"width": 390, "height": 844})
        small = looks.smallest(page)
        least = min(small, key=small.__getitem__) if small else "none"
        return Measure(
            path.stat().st_size, screens, words, figures, answers, (least, small.get(least, float("inf")))
        )
    finally:
        context.close()


def _answers(page: Page) -> Iterator[Answer]:
    for one in page.locator(ANSWERS).all():
        if one.is_visible():
            card = one.evaluate("(one) => one.closest('[id]').id")
            yield Answer(card, one.inner_text())


def main(arguments: Sequence[str]) -> int:
    """Say what a page takes; with --strict 1 where that is over its budget."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.measure", description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("--budget", choices=BUDGETS, default="report")
    parser.add_argument("--strict", action="store_true", help="fail where the page is over its budget")
    asked = parser.parse_args(arguments)
    executable = chromium.find()
    if executable is None:
        parser.exit(2, chromium.MISSING + "\n")
    with chromium.started(executable) as browser:
        found = measure(browser, asked.page)
    print(*found.lines(), sep="\n")
    over = found.over(BUDGETS[asked.budget])
    print(*(f"over: {line}" for line in over), sep="\n")
    return int(asked.strict and bool(over))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
