"""The tables of the chapter's claims."""

from __future__ import annotations

from studies.folder.schema.columns import Column, Schema

_CLAIMS = Schema(
    ("number",),
    {
        "number": Column("int", "of the claim, in the chapter's order"),
        "part": Column("string", "of the chapter"),
        "says": Column("string", "what it claims"),
        "chapter": Column("string", "its own words"),
        "rule": Column("string", "when it holds: fixed beforehand, with the threshold and its reason"),
        "blind": Column("bool", "were rule and setting fixed before any number was seen?"),
        "verdict": Column(
            "string", "'holds', 'holds in part', 'does not hold here', 'undecided' or 'not run'"
        ),
        "when": Column("string", "where it holds in part, what is true instead, or what would run it"),
        "effect": Column("float", "the number that decides"),
        "unit": Column("string", "of the effect"),
        "low": Column("float", "lower end of its interval; NaN: the effect is exact"),
        "high": Column("float", "upper end"),
        "resampled": Column("string", "what was drawn again, or that it is exact"),
        "code": Column("string", "what of dlopt ran: files and lines"),
        "source": Column("string", "run and sha256 of the tables it read; '' if it read none"),
        "x": Column("string", "what the evidence's x is"),
        "y": Column("string", "what its values are"),
        "log": Column("string", "which of them a picture shows on a log scale: '', 'x', 'y' or 'xy'"),
    },
)
_EVIDENCE = Schema(
    ("number", "line"),
    {
        "number": Column("int", "of the claim"),
        "line": Column("int", "from 0"),
        "what": Column("string", "what was measured"),
        "x": Column("float", "at which β, step, rate or noise"),
        "value": Column("float", "what was found"),
        "low": Column("float", "lower end of its interval; NaN: exact"),
        "high": Column("float", "upper end"),
        "expected": Column("float", "what the law or the claim expects; NaN: nothing"),
    },
)
CLOCKED_TABLES = ("clocked_claims", "clocked_evidence")  # of claims about time: they differ between two runs
CLAIM_TABLES: dict[str, Schema] = {
    "claims": _CLAIMS,
    "evidence": _EVIDENCE,
    "clocked_claims": _CLAIMS,
    "clocked_evidence": _EVIDENCE,
    "lessons": Schema(
        ("position",),
        {
            "position": Column("int", "order in the chapter"),
            "part": Column("string", "of the chapter"),
            "chinese": Column("string", "its headings there"),
            "title": Column("string", "what it is about"),
            "says": Column("string", "what the chapter says, in plain words"),
            "done": Column("string", "what was done to test it"),
            "formula": Column("string", "of what it teaches"),
            "code": Column("string", "the lines of dlopt that implement it, each after where they stand"),
        },
    ),
    "glossary": Schema(
        ("position",),
        {
            "position": Column("int", "alphabetical"),
            "term": Column("string", "in English"),
            "chinese": Column("string", "in Chinese"),
            "meaning": Column("string", "in plain words"),
        },
    ),
    "walks": Schema(
        ("surface", "method", "step"),
        {
            "surface": Column("string", "the surface's name"),
            "method": Column("string", "the optimizer's class"),
            "lr": Column("float", "its learning rate: of one grid the one with the fewest steps"),
            "step": Column("int", "steps taken"),
            "x": Column("float", "first parameter"),
            "y": Column("float", "second parameter"),
            "height": Column("float", "the surface's height there"),
        },
    ),
    "heights": Schema(
        ("surface", "x", "y"),
        {
            "surface": Column("string", "the surface's name"),
            "x": Column("float", "first parameter"),
            "y": Column("float", "second parameter"),
            "height": Column("float", "the surface's height there"),
        },
    ),
    "series": Schema(
        ("beta", "corrected", "day"),
        {
            "day": Column("int", "of a made-up year, from 1"),
            "beta": Column("float", "β of the average"),
            "corrected": Column("bool", "is it divided by 1-βᵗ?"),
            "value": Column("float", "what was seen that day"),
            "average": Column("float", "the average after that day"),
        },
    ),
    "untested": Schema(
        ("position",),
        {
            "position": Column("int", "order in the chapter"),
            "says": Column("string", "what the chapter says and nothing here tests"),
            "chapter": Column("string", "its own words"),
            "reason": Column("string", "why not"),
        },
    ),
}
