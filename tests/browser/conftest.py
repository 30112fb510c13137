"""A page of the study `quick`, and a Chromium to open it in."""

import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import chromium


@dataclass
class Opened:
    """A page in the browser, with whatever it asked for and complained of since it was opened."""

    page: Page
    address: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


Open = Callable[..., Opened]


@pytest.fixture(scope="session")
def executable() -> str:
    """Chromium's path. Without one there is nothing to test, but in CI that is a failure."""
    found = chromium.find()
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(chromium.MISSING)
        pytest.skip(chromium.MISSING)  # which says that none is there, and how to have one
    return found


@pytest.fixture(scope="session")
def report(executable: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page that DLOPT_PAGE names, or that of `quick`, made once for all workers."""
    if given := os.environ.get("DLOPT_PAGE"):
        return Path(given)
    import reports  # here, for the other tests of a browser need no study, and it takes seconds
    from studies import run
    from studies.catalog import STUDIES

    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    page = shared / "the run of quick" / "report.html"
    with (shared / "quick.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not page.exists():
            reports.write([run(STUDIES["quick"], out=page.parent, jobs=1).path])
    return page


@pytest.fixture(scope="module")
def browser(executable: str) -> Iterator[Browser]:
    """One Chromium for a file's tests, gone before those of the next, which may fork."""
    with chromium.started(executable) as started:
        yield started


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Open a page in a profile of its own: path, width and height in pixels, more as for a new context."""
    contexts = []

    def make(path: Path, width: int = 1440, height: int = 900, **more: object) -> Opened:
        context = browser.new_context(viewport={"width": width, "height": height}, **more)
        contexts.append(context)
        one = Opened(context.new_page(), chromium.address(path))
        context.on("request", lambda request: one.requests.append(request.url))
        context.on("weberror", lambda error: one.complaints.append(str(error.error)))
        context.on(
            "console",
            lambda said: one.complaints.append(said.text) if said.type in ("error", "warning") else None,
        )
        one.page.goto(one.address)
        return one

    yield make
    for context in contexts:
        context.close()
