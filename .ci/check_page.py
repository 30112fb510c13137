"""Read a page's own numbers back and hold them against the tables of its run: check_page.py RUN PAGE."""

import hashlib
import html
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd

# No sha256: they differ between two runs of one study.
VARYING = ("timings", "batch_times", "clocked_claims", "clocked_evidence")
SECTIONS = ("answer", "distance", "pick", "ends", "first", "trust", "this-machine", "provenance")


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


def main(run: Path, page: Path) -> None:
    source = page.read_text()
    reader = Text()
    reader.feed(source)
    text = re.sub(r"\s+", " ", html.unescape(" ".join(reader.parts)))
    assert not reader.loads, f"the page would load {reader.loads[:3]}"
    missing = [name for name in SECTIONS if name not in reader.ids]
    assert not missing, f"sections are missing: {missing}"

    tables = {p.stem: pd.read_parquet(p) for p in (run / "tables").glob("*.parquet")}
    checked = 0
    for name in tables:
        if name not in VARYING:
            digest = hashlib.sha256((run / "tables" / f"{name}.parquet").read_bytes()).hexdigest()
            assert digest in text, f"the page's sha256 of {name} is not that of the table"
            checked += 1
        csv = pd.read_csv(run / "csv" / f"{name}.csv", keep_default_na=False, na_values=[""])
        assert len(csv) == len(tables[name]), f"csv/{name}.csv has another number of lines"
    assert len(list((run / "figures").glob("*.png"))) >= 6, "figures are missing"

    told = re.sub(r"[\s\u2009]+", " ", text)
    for claim in [*tables["claims"].itertuples(), *tables["clocked_claims"].itertuples()]:
        line = re.escape(f"{claim.number} {claim.says} ") + f".{{0,3}}{claim.verdict}"
        assert re.search(line, told), f"the page does not say {line}"
        checked += 1
    if len(tables["claims"]):
        print(f"{page}: {checked} numbers read back agree with the tables of {run}")
        return

    titles = dict(zip(tables["optimizers"].title, tables["optimizers"].optimizer, strict=True))
    names = "|".join(titles)
    ratios = tables["comparisons"].query("reading == 'ratio' and scope == 'pooled'")
    value = r"([\d.]+)× \[([\d.]+), ([\d.]+)\]"
    read_back = 0
    for listed, fast in re.findall(
        rf"((?:(?:{names}) needs [^a-z]+(?:, | and |))+) ?the examples ({names}) needs", text
    ):
        for slow, *shown in re.findall(rf"({names}) needs {value}", listed):
            both = [titles[slow], titles[fast]]
            (line,) = ratios[ratios.a.isin(both) & ratios.b.isin(both)].itertuples()
            logs = np.array([line.estimate, line.low, line.high])
            true = np.exp(logs if line.a == titles[slow] else -logs[[0, 2, 1]])
            assert np.allclose([float(x) for x in shown], true, rtol=0.006), (slow, fast, shown, true)
            read_back += 3
    assert read_back or not ratios.verdict.isin(["a", "b"]).any(), "the page says no ratio that was called"
    checked += read_back
    best = tables["ranking"].query("reading == 'error' and scope == 'pooled' and unbeaten").optimizer
    told = f"{len(best)} of {len(titles)}"
    few = (tables["comparisons"].verdict == "too few blocks").any()
    assert few or told in text, f"{told} optimizers are tied for best, and the page does not say so"

    for line in tables["picks"].itertuples():
        share = tables["datasets"].set_index("dataset").task[line.dataset] == "classification"
        scale, digits = (100, 1) if share else (1, 3)
        for value in (line.searched, line.confirmed):
            assert f"{value * scale:.{digits}f}" in text, (line.dataset, value)
            checked += 1
    print(f"{page}: {checked} numbers read back agree with the tables of {run}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
