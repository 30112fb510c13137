"""Read a page's own numbers back and hold them against the tables of its run: check_page.py RUN PAGE."""

import hashlib
import html
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd

# No sha256: they differ between two runs of one study.
VARYING = ("timings", "batch_times", "step_times", "clocked_claims", "clocked_evidence")
SCHEMA = Path(__file__).parents[1] / "reports" / "exports" / "results.schema.json"
SECTIONS = ("answer", "ends", "matrix", "pick", "first", "trust", "this-machine", "provenance")
OF_CLAIMS = ("claims", "verdicts", "this-machine", "provenance")  # of a page of claims


class Text(HTMLParser):
    """The page's text without scripts and styles, and what it would load."""

    def __init__(self):
        super().__init__()
        self.parts, self.loads, self.ids, self.silent = [], [], set(), 0

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.silent += tag in ("script", "style")
        self.ids.add(attributes.get("id"))
        links = [attributes.get(name) or "" for name in ("href", "xlink:href", "action")]
        own = ("data:image/png;base64,", "#")  # a picture within the page, from which nothing leaves
        self.loads += [link for link in links if ":" in link and not link.startswith(own)]
        self.loads += [src for src in [attributes.get("src")] if src and not src.startswith("data:")]

    def handle_endtag(self, tag):
        self.silent -= tag in ("script", "style")

    def handle_data(self, data):
        if not self.silent:
            self.parts.append(data)


def matrix(source: str, tables: dict) -> int:
    """Hold every cell of the matrix against the tables; gives how many numbers were read back."""
    article = source[source.index('<article id="matrix"') :].split("</article>")[0]
    tuned = tables["tuning"].set_index(["optimizer", "dataset"]).searched
    tasks = tables["datasets"].set_index("dataset").task
    pairs = tables["comparisons"].query("reading == 'ratio' and scope == 'pooled'")
    checked, first = 0, tables["ranking"].query("reading == 'ratio' and scope == 'pooled' and place == 1")
    for name, row in re.findall(r'<tr data-optimizer="([^"]+)">(.*?)</tr>', article, re.S):
        for dataset, cell in re.findall(r'<td[^>]* data-dataset="([^"]+)"[^>]*>(.*?)</td>', row, re.S):
            shown = re.match(r"\S+ ([\d.]+)", html.unescape(cell))
            scale = 100 if tasks[dataset] == "classification" else 1
            value = tuned[html.unescape(name), html.unescape(dataset)] * scale
            assert shown, (name, cell)
            assert abs(float(shown[1]) - value) <= 0.00051 * (100 if scale == 100 else 1), (name, cell)
            checked += 1
        ratio = re.search(r"<td[^>]*>\S+ ([\d.]+)×<small[^>]*>\[([\d.]+), ([\d.]+)\]", row)
        if ratio:
            both = [html.unescape(name), first.optimizer.iloc[0]]
            (line,) = pairs[pairs.a.isin(both) & pairs.b.isin(both)].itertuples()
            logs = np.array([line.estimate, line.low, line.high])
            true = np.exp(logs if line.a == both[0] else -logs[[0, 2, 1]])
            assert np.allclose([float(x) for x in ratio.groups()], true, rtol=0.006), (name, ratio[0], true)
            checked += 3
    assert checked >= len(tuned), "the matrix lacks cells"
    return checked


def beside(run: Path, folder: Path, tables: dict[str, pd.DataFrame]) -> int:
    """Read results.json back, number by number, and find the run's hash in the files beside it."""
    results = json.loads((folder / "results.json").read_text(), parse_constant=int)  # NaN is no number
    if results["study"]["name"] != json.loads((run / "manifest.json").read_text())["asked"]["name"]:
        return 0  # the page's first run is another one
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator(schema).validate(results)
    checked = 0
    for name in ("comparisons", "ranking", "picks", "alternatives", "budgets"):
        assert len(results[name]) == len(tables[name]), f"results.json has another number of {name}"
        for column in tables[name].select_dtypes("number"):
            back = [np.nan if line[column] is None else float(line[column]) for line in results[name]]
            np.testing.assert_array_equal(back, tables[name][column].to_numpy(float), f"{name}.{column}")
            checked += len(back)
    for name, digest in results["tables"].items():
        assert digest == hashlib.sha256((run / "tables" / f"{name}.parquet").read_bytes()).hexdigest(), name
    for name in ("summary.md", "table.tex", "citation.bib", "methods.txt"):
        assert results["sha256"][:16] in (folder / name).read_text(), f"{name} is of another run"
    return checked


def main(run: Path, page: Path) -> None:
    source = page.read_text()
    reader = Text()
    reader.feed(source)
    text = re.sub(r"\s+", " ", html.unescape(" ".join(reader.parts)))
    assert not reader.loads, f"the page would load {reader.loads[:3]}"
    tables = {p.stem: pd.read_parquet(p) for p in (run / "tables").glob("*.parquet")}
    asked = len(tables["claims"]) > 0
    missing = [name for name in (OF_CLAIMS if asked else SECTIONS) if name not in reader.ids]
    assert not missing, f"sections are missing: {missing}"

    checked = 0
    for name in tables:
        if name not in VARYING:
            digest = hashlib.sha256((run / "tables" / f"{name}.parquet").read_bytes()).hexdigest()
            assert digest in text, f"the page's sha256 of {name} is not that of the table"
            checked += 1
        csv = pd.read_csv(run / "csv" / f"{name}.csv", keep_default_na=False, na_values=[""])
        assert len(csv) == len(tables[name]), f"csv/{name}.csv has another number of lines"
    assert len(list((run / "figures").glob("*.png"))) >= 6, "figures are missing"

    if page.parent in (run, run.parent) and page.name == "report.html":  # else the names are the page's own
        checked += beside(run, page.parent, tables)

    told = re.sub(r"[\s\u2009]+", " ", text)
    for claim in [*tables["claims"].itertuples(), *tables["clocked_claims"].itertuples()]:
        line = re.escape(f"{claim.number} {claim.says} {claim.chapter} ") + f".{{0,3}}{claim.verdict}"
        line = line.replace(r"\ ", " *")
        assert re.search(line, told), f"the page does not say {line}"
        checked += 1
    if asked:
        print(f"{page}: {checked} numbers read back agree with the tables of {run}")
        return

    checked += matrix(source, tables)
    few = (tables["comparisons"].verdict == "too few blocks").any()
    best = tables["ranking"].query("reading == 'error' and scope == 'pooled' and unbeaten")
    said = source[source.index('<section id="answer"') :].split("</section>")[0]
    titles = dict(zip(tables["optimizers"].optimizer, tables["optimizers"].title, strict=True))
    named = [titles[name] for name in best.optimizer if html.escape(titles[name]) in said]
    calls = tables["comparisons"].query("reading == 'error' and scope == 'pooled'").verdict.isin(["a", "b"])
    nobody = "Nobody is" in said or "Only" in said or "as good as each other" in said
    assert few or named or (nobody and not calls.any()), "the answer names nobody whom nothing beats"

    for line in tables["picks"].itertuples():
        share = tables["datasets"].set_index("dataset").task[line.dataset] == "classification"
        scale, digits = (100, 1) if share else (1, 3)
        for value in (line.searched, line.confirmed):
            assert f"{value * scale:.{digits}f}" in text, (line.dataset, value)
            checked += 1
    print(f"{page}: {checked} numbers read back agree with the tables of {run}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
