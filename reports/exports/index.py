"""runs/index.html: every run beside the one that was reported, also those that cannot be read."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from reports import verdict
from reports.data import templates, words
from reports.data.run import Run
from reports.draw.style import PALETTE
from reports.exports.results import SCHEMA_VERSION
from studies.errors import UsageError
from studies.folder.manifest import NAME as MANIFEST
from studies.folder.read import Tables
from studies.folder.schema.tables import FORMAT
from studies.system import files

FOLDER = "runs"  # the one name under which an index is expected
NAME = "index.html"
PAGE = "report.html"
MARK = (
    '<meta name="generator" content="dlopt, index of runs">'  # of ours; another index.html is somebody's own
)
CLAIMS = ("claims", "clocked_claims")
READ = (
    *("optimizers", "datasets", "comparisons", "ranking", "picks", "alternatives", "tuning", "power"),
    *("audit", *CLAIMS),
)


class Listed(NamedTuple):
    """A line of the index. reason: why nothing else is known of a folder; "" for a finished run."""

    folder: str
    name: str = ""
    says: str = ""
    size: str = ""
    looks: str = ""
    reason: str = ""
    bytes: str = ""
    trained: str = ""
    pages: tuple[tuple[str, str], ...] = ()  # link and text


def refresh(run: Path) -> Path | None:
    """Write the index of the folder that a run lies in; gives its path, or None where there is none.

    That folder must be called runs, or an index would be a surprise in somebody's own one, and be writable.
    Another index.html than ours stays. It never fails a report: whatever goes wrong with a run is its line,
    whatever goes wrong with the file leaves the old one.
    """
    folder = Path(os.path.abspath(run)).parent  # noqa: PTH100 - not resolved: a link in runs/ is a run there
    path = folder / NAME
    if folder.name != FOLDER or not os.access(folder, os.W_OK | os.X_OK) or not _ours(path):
        return None
    with contextlib.suppress(Exception):  # a report is worth more than its index
        files.sweep(folder, of=NAME)
        files.write_atomically(path, rendered(folder))
        return path
    return None


def _ours(path: Path) -> bool:
    """May the file be written: is there none, or one of ours?"""
    try:
        return MARK.encode() in files.read_regular(path, files.LARGEST_JSON)[:2000]
    except FileNotFoundError:
        return not path.is_symlink()
    except (OSError, ValueError):
        return False


def rendered(folder: Path) -> bytes:
    """The index of a folder of runs, the last trained first."""
    above = list(_made(folder))
    found = [(_trained(one), listed(one, above)) for one in sorted(folder.iterdir()) if _is_run(one)]
    found.sort(key=lambda pair: -pair[0])
    text = (
        templates.environment()
        .get_template("index.html")
        .render(
            runs=[one for _, one in found],
            palette=PALETTE,
            css=(templates.TEMPLATES / "page.css").read_text("utf-8"),
            mark=MARK,
        )
    )
    return text.encode(errors="replace")


def _is_run(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.is_dir() and (path / MANIFEST).exists()
    return False


def listed(path: Path, above: list[Made]) -> Listed:
    """A run's line. above: the pages in the folder of runs."""
    line = Listed(words.clean(path.name), bytes=_megabytes(path), trained=_day(_trained(path)))
    try:
        tables = Tables(path)
        own, now = list(_made(path)), tables.made["tables"]
        pages = [(one, f"{path.name}/{one.page.name}") for one in own] + [
            (one, one.page.name) for one in above
        ]
        fresh = [(one, link) for one, link in pages if one.of(now)]
        links = [
            (quote(os.fsencode(link)), words.clean(one.page.name))
            for one, link in fresh
            if one.page.is_file()
        ]
        if (path / PAGE).is_file() and not any(one.page == path / PAGE for one, _ in fresh):
            links.append((quote(os.fsencode(f"{path.name}/{PAGE}")), f"{PAGE}, older than its tables"))
        known = fresh[0][0].results if fresh and tables.manifest["format"] == FORMAT else None
        if known:
            for name in READ:
                tables.content(name)  # is it still what was written?
        return line._replace(pages=tuple(links), **(_of_results(known) if known else _of_tables(tables)))
    except UsageError as error:
        reason = str(error).split("\n")[0].replace(str(path), path.name)
        return line._replace(reason=words.clean(reason))
    except Exception as error:  # a table that was forged may break any sentence, and fails no report
        return line._replace(reason=f"it cannot be shown ({type(error).__name__})")


def _of_results(known: dict[str, Any]) -> dict[str, str]:
    """What a results.json says of its run: reading tables takes ten times as long."""
    study, checks = known["study"], known["checks"]
    claims = [str(one["verdict"]) for one in known["claims"]]
    return _told(
        *(str(study["name"]), _claims(claims) or str(known["verdict"][0])),
        *(len(known["datasets"]), len(known["optimizers"]), int(study["blocks"])),
        *(len(checks["look"]), int(checks["counted"])),
    )


def _of_tables(tables: Tables) -> dict[str, str]:
    run = Run(tables.path, tables.manifest, {}, {name: tables[name] for name in READ})
    claims = [str(one) for name in CLAIMS for one in run[name].verdict]
    status = list(run["audit"].status)
    looks = status.count("look")
    return _told(
        *(str(run.manifest["asked"]["name"]), _claims(claims) or verdict(run)[0]),
        *(len(run.datasets), len(run.optimizers), run.blocks),
        *(looks, looks + status.count("ok")),
    )


def _told(
    name: str, says: str, datasets: int, optimizers: int, blocks: int, looks: int, checks: int
) -> dict[str, str]:
    sizes = (
        words.plural(n, one)
        for n, one in ((datasets, "dataset"), (optimizers, "optimizer"), (blocks, "block"))
    )
    return {
        "name": words.clean(name),
        "says": words.clean(says),
        "size": " × ".join(sizes),
        "looks": f"{looks} of {checks}",
    }


def _claims(verdicts: list[str]) -> str:
    """How many claims have which verdict; empty where the run asked none."""
    counts = [f"{verdicts.count(one)} {one}" for one in sorted(set(verdicts))]
    return f"Of {words.plural(len(verdicts), 'claim')}: {', '.join(counts)}." if counts else ""


class Made(NamedTuple):
    """A page, and the results.json beside it."""

    page: Path
    results: dict[str, Any]

    def of(self, tables: dict[str, str]) -> bool:
        """Is it the page of a run as it is now? tables: the first digits of their sha256."""
        told = self.results["tables"]
        return all(name in tables and str(value).startswith(tables[name]) for name, value in told.items())


def _made(folder: Path) -> Iterator[Made]:
    """The pages in a folder, by their results.json; one of another form counts for nothing."""
    for path in sorted(folder.glob("*results.json")):
        stem = path.name.removesuffix("results.json").removesuffix("-") or "report"
        with contextlib.suppress(OSError, ValueError):
            found = files.read_json(path)
            if (
                isinstance(found, dict)
                and found.get("schema_version") == SCHEMA_VERSION
                and isinstance(found.get("tables"), dict)
                and found["tables"]
            ):
                yield Made(folder / f"{stem}.html", found)


def _trained(path: Path) -> float:
    """When a run last trained: its times are written as stacks end. 0 where it has none."""
    with contextlib.suppress(OSError):
        return (path / "timings.jsonl").stat().st_mtime
    return 0.0


def _day(seconds: float) -> str:
    """A date; "" for none, or one that no calendar has."""
    with contextlib.suppress(ValueError, OverflowError, OSError):
        return datetime.datetime.fromtimestamp(seconds).astimezone().date().isoformat() if seconds else ""
    return ""


def _megabytes(path: Path) -> str:
    """What a run takes of the disk; links are not followed."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(folder) / name).lstat().st_size
    return f"{words.fixed(total / 1e6, 1)} MB"
