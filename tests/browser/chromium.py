"""The system's own Chromium, found and started: playwright's download is not needed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    f"None of {', '.join(NAMES)} is on the PATH, and the page is tested in it. "
    "Install one (Debian: apt-get install chromium fonts-dejavu-core)."
)


def find() -> str | None:
    """The path of the first Chromium there is."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def started(executable: str) -> Iterator[Browser]:
    """A headless Chromium that leaves nothing behind: its home and all its files are one temporary folder."""
    with tempfile.TemporaryDirectory(prefix="dlopt-browser-", ignore_cleanup_errors=True) as home:
        own = {"HOME": home, "TMPDIR": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
        before = {name: os.environ.get(name) for name in own}
        os.environ.update(own)  # its driver too reads them, once
        try:
            driver = sync_playwright().start()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        try:
            # without the sandbox, as root must: what it opens is our own page
            browser = driver.chromium.launch(
                executable_path=executable, env={**os.environ, **own}, chromium_sandbox=False
            )
            try:
                yield browser
            finally:
                browser.close()
        finally:
            driver.stop()


def address(page: Path | str) -> str:
    """The file:// address of a page."""
    return Path(page).resolve().as_uri()
