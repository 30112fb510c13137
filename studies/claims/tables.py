"""The tables of the chapter's claims."""

from __future__ import annotations

from studies.columns import Column, Schema

CLAIM_TABLES: dict[str, Schema] = {
    "claims": Schema(
        ("number",),
        {
            "number": Column("int", "of the claim, in the chapter's order"),
            "part": Column("string", "of the chapter"),
            "says": Column("string", "what it claims"),
            "chapter": Column("string", "its own words"),
            "rule": Column("string", "when it holds: fixed beforehand, with the threshold"),
            "verdict": Column("string", "'holds', 'holds in part', 'does not hold here' or 'undecided'"),
            "when": Column("string", "where it holds in part, or what is true instead"),
            "effect": Column("float", "the number that decides"),
            "unit": Column("string", "of the effect"),
            "low": Column("float", "lower end of its interval; NaN: the effect is exact"),
            "high": Column("float", "upper end"),
            "resampled": Column("string", "what was drawn again, or that it is exact"),
            "code": Column("string", "what of dlopt ran: files and lines"),
        },
    ),
    "evidence": Schema(
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
    ),
}
