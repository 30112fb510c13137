"""Files that were altered by chance: other bytes, or other values of JSON."""

import json

JSON = [None, True, -1, 0, 1e308, 10**400, "", "x" * 100_000, [], {}, [[]], {"x": 1}, ["wine", "wine"]]


def altered_json(rng, content):
    """Other content of a JSON file: one value, at any depth, gone or another one."""
    whole = json.loads(content)
    inner, key = whole, None
    while isinstance(inner, dict | list) and inner and (key is None or rng.random() < 0.8):
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        outer, key = inner, keys[rng.integers(len(keys))]
        inner = outer[key]
    if rng.random() < 0.2:
        del outer[key]
    else:
        outer[key] = JSON[rng.integers(len(JSON))]
    return json.dumps(whole).encode()


def altered_bytes(rng, content):
    """Other bytes: one bit flipped, cut short, or none."""
    flipped = bytearray(content)
    flipped[rng.integers(len(content))] ^= 1 << rng.integers(8)
    return [bytes(flipped), bytes(flipped), content[: rng.integers(len(content))], b""][rng.integers(4)]
