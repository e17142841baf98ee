"""Seeded damage to the text of a small file: bytes lost, changed or added, values replaced, keys repeated.

What programs do with the result is in test_damaged_files.py.
"""

import json
import random
from typing import Any

VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**400,
    1e308,
    float("nan"),
    "",
    "S99",
    "../../x",
    "\ud800",
    "a\nb\x1b[31m",
    [],
    [[]],
    {},
    {"S07": 3},
    "2026-02-30",
    "0" * 16,
)


def damage_bytes(content: bytes, rng: random.Random) -> bytes:
    """Other bytes: cut, flipped, zeroed, doubled, of another encoding or nested too deeply."""
    place = rng.randrange(len(content))
    flipped = bytes([content[place] ^ 1 << rng.randrange(8)])
    variants = (
        content[:place],
        content[:place] + flipped + content[place + 1 :],
        content[:place] + bytes(len(content) - place),
        content + content,
        content[:place] + b"\xff\xfe" + content[place:],
        content.decode().encode("utf-16"),
        b"",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\0" * len(content),
        b"null",
    )
    return rng.choice(variants)


def damage_values(content: bytes, rng: random.Random) -> bytes:
    """Valid JSON in which one value, or one key, is another."""
    document = json.loads(content)
    places = list(_list_places(document))
    if not places:
        return b"[]"
    parent, key = rng.choice(places)
    if isinstance(parent, dict) and rng.random() < 0.3:
        parent[str(rng.choice(VALUES))] = parent.pop(key)
    else:
        parent[key] = rng.choice(VALUES)
    return json.dumps(document).encode()


def _list_places(value: Any) -> Any:
    """Every container and key in a document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from _list_places(inner)
