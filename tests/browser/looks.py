"""What is wrong with an open page, each as a list of words that is empty when all is well."""

from collections.abc import Sequence
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

LEVELS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa")
PAPER = LEVELS[:-2]  # on which nothing is pressed, and 2.2 asks for room to press
SCRIPT = (Path(__file__).parent / "looks.js").read_text("utf-8").partition("\n")[2].rstrip()
UNFOLD = """() => {
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  return new Promise((done) => requestAnimationFrame(() => setTimeout(done)));  // the page has heard of it
}"""


def _look(page: Page, name: str, given: object = None) -> list[str]:
    return page.evaluate(f"(given) => {SCRIPT}.{name}(given)", given)


def unfold(page: Page) -> None:
    """Open all that is folded."""
    page.evaluate(UNFOLD)


def violations(page: Page, levels: Sequence[str] = LEVELS) -> list[str]:
    """Rules of WCAG A and AA that axe-core finds broken, with the first elements that break them."""
    page.evaluate(Axe().axe_script)
    return _look(page, "broken", list(levels))


def over(page: Page) -> list[str]:
    """What makes the page wider than its window. What scrolls within a box of its own does not."""
    return _look(page, "over")


def cut(page: Page) -> list[str]:
    """Figures wider than a box that they are in, and their labels that reach out of them."""
    return _look(page, "cut")


def dangling(page: Page) -> list[str]:
    """Links and references within the page to what is not there."""
    return _look(page, "dangling")


def idle(page: Page) -> list[str]:
    """Boxes that take the focus though they do not scroll."""
    return _look(page, "idle")


def smallest(page: Page) -> dict[str, float]:
    """The size of the smallest label in each card's figures, in pixels."""
    found: dict[str, float] = {}
    for card, size in _look(page, "smallest"):
        found[card] = min(size, found.get(card, size))
    return found
