"""Definitions that are damaged or odd: YAML of all kinds, odd values under every key, and damaged files.

Each is accepted or refused in one message: `judge` says which.
"""

import copy
import itertools
import random
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.definition import BUILT_IN, Definition
from config.definition_files import DefinitionError, describe_faults, read_definition
from resegment.arguments import check_source_files
from segmentation.errors import Refused

LONGEST_MESSAGE = 7_000  # 20 faults
SHIPPED = sorted(BUILT_IN.glob("*.yaml"))

# Texts that are not a definition, by what is odd about them; with a word of the message.
YAML = {
    "a date that does not exist": ("description: 2026-02-30\n", "description: this looks like a date"),
    "a time that does not exist": ("timezone: 2026-01-01 25:00:00\n", "timezone: this looks like a date"),
    "an offset of four days": ("name: 2026-01-01T10:00:00+99:99\n", "name: this looks like a date"),
    "a number of 5,000 digits": (f"seed: {'9' * 5000}\n", "seed: this looks like a whole number"),
    "a number without digits": ("seed: 0x_\n", "seed: this looks like a whole number"),
    "a tag that the text does not fit": ("seed: !!int abc\n", "seed: this looks like a whole number"),
    "a truth that the text does not fit": ("name: !!bool abc\n", "this looks like true or false"),
    "a mapping that is a scalar": ("name: !!map 3\n", "expected a mapping"),
    "3,000 braces": ("{" * 3000 + "}" * 3000, "more than 30 lists and mappings"),
    "3,000 brackets": ("rows: " + "[" * 3000 + "]" * 3000, "more than 30 lists and mappings"),
    "deep indentation": ("".join(" " * i + "a:\n" for i in range(300)), "more than 30 lists and mappings"),
    "a cyclic alias": ("&a [*a]", "inside what it repeats"),
    "a key that contains itself": ("? &a [*a]\n: 1\n", "inside what it repeats"),
    "a bomb of aliases": (
        "a: &a [x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{c}: &{c} [{','.join([f'*{b}'] * 8)}]\n" for b, c in zip("abcdefg", "bcdefgh", strict=True)
        ),
        "more than 100,000 values",
    ),
    "100,000 keys": ("".join(f"k{i}: 1\n" for i in range(99_999)), "more than 100,000 values"),
    "a million characters": ("a" * 1_000_001, "characters"),
    "the same key twice": ("name: a\nname: b\n", "the key name appears twice"),
    "a number as a key": ("1: a\n", "a key is a whole number"),
    "a truth as a key": ("on: a\n", "a key is true or false"),
    "null as a key": ("~: a\n", "a key is null"),
    "a list as a key": ("{[a]: 1}", "a key is a list"),
    "a date as a key": ("2026-02-30: 1\n", "a key is a date"),
    "bytes": ("name: !!binary aGVsbG8=\n", "binary is not supported"),
    "a set": ("features: !!set {a, b}\n", "set is not supported"),
    "Python": ("name: !!python/object/apply:os.getcwd []\n", "is not supported"),
    "a merge key": ("<<: {name: a}\n", "merge keys"),
    "half of a surrogate pair": ('name: "\\ud800"\n', "surrogate"),
    "a character beyond Unicode": ('name: "\\U00110000"\n', "an escape or a directive"),
    "NUL": ("name: \0\n", "U+0000"),
    "a tab": ("rows:\n\tid: a\n", "line 2"),
    "a list": ("- a\n", "not a list"),
    "text": ("a\n", "not text"),
    "nothing": ("", "not null"),
    "two documents": ("a: 1\n---\nb: 2\n", "another document"),
    "another version of YAML": ("%YAML 9.9\n---\na: 1\n", "incompatible"),
    "a key with a terminal's command": ('"\\e[31m\\n": 1\n', "\\x1b[31m\\n: unknown key"),
    "a key of a million letters": (f'? "{"a" * 900_000}"\n: 1\n', "…: unknown key"),
}
# Files that are not UTF-8 text of a fair length.
FILES = {
    "UTF-16": ("name: demo\n".encode("utf-16"), "not text in UTF-8"),
    "Latin-1": ("description: é\n".encode("latin-1"), "not text in UTF-8"),
    "10 MB": (b"# x\n" * 2_500_000, "more than 1,000,000 characters"),
}
ODD: list[Any] = [
    *(None, True, False, 0, -1, 2**63, 10**400, 1.5, 1e308, float("nan"), float("inf")),
    *("", " ", "\0", "a" * 100_000, "\x1b[31m", "con", "..", "a/b", "null", "{", "%", "%%Y", "`", "\\"),
    *("(" * 400, "-" * 900, "a+" * 400, "1e999", "s3://", "s3://x//y", "~", "iso", "%Y%m%d", "a.b:C", "["),
    *("SELECT 1", "SELECT :x", "SELECT 'a", "WITH $$", "/*", "(?P<a>x)"),
    *(date(2026, 1, 1), datetime(2026, 1, 1), b"a"),
    *([], [None], [[]], [1], ["a"], ["a", "a"], ["\0"], {}, {"a": 1}, {"a": None}, {"": {}}, {1: 2}),
    {"type": "int"},
]


def list_places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every key and list item of a definition's content."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from list_places(inner, (*path, key))


def replace(content: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The content with this value at this place."""
    changed = copy.deepcopy(content)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


def list_odd_definitions(path: Path, step: int = 1) -> Iterator[dict[str, Any]]:
    """A shipped definition, defaults included, with an odd value under every key; or a sample of these."""
    content = read_definition(path).model_dump(mode="json")
    cases = itertools.product(list_places(content), ODD)
    for place, value in itertools.islice(cases, 0, None, step):
        yield replace(content, place, value)


def judge(content: dict[str, Any]) -> str:
    """How a definition's content ends: refused, or what its source's files are. Fails on anything else."""
    try:
        definition = Definition.model_validate(content)
    except ValidationError as error:
        return check_message(describe_faults(error))
    definition.model_dump_json()
    definition.decisive_content()
    definition.window(date(2026, 1, 31))
    assert definition.customer_rows
    try:
        check_source_files(definition, None, date(2026, 1, 31))
    except Refused as error:
        return check_message(str(error))
    return "accepted"


def check_message(message: str) -> str:
    """`refused`, if the message is one line of printable text of a fair length."""
    assert message.isprintable()
    assert len(message) < LONGEST_MESSAGE
    return "refused"


def damage(source: random.Random, text: str) -> bytes:
    """A definition's file, damaged as editors, merges and disks do it."""
    lines = text.splitlines(keepends=True)
    for _ in range(source.choice([1, 1, 2, 5])):
        place = source.randrange(len(lines)) if lines else 0
        match source.randrange(8):
            case 0:
                lines = lines[:place]
            case 1:
                lines[place:place] = lines[place : place + source.choice([1, 3])]
            case 2:
                del lines[place : place + source.choice([1, 3])]
            case 3 if lines:
                lines[place] = source.choice(["", " ", "  ", "\t"]) + lines[place].lstrip()
            case 4 if lines:
                source.shuffle(lines)
            case 5 if lines:
                lines[place] = lines[place].replace(
                    source.choice(": ,{}[]'\""), source.choice(':,{}[]"&*!%'), 1
                )
            case 6:
                lines.insert(
                    place, source.choice(["<<<<<<< ours\n", "=======\n", "- \n", "? \n", "a: &a [*a]\n"])
                )
            case 7 if lines:
                lines[place] = lines[place][: source.randrange(len(lines[place]) + 1)]
    octets = bytearray("".join(lines).encode())
    if octets and source.random() < 0.4:
        octets[source.randrange(len(octets))] ^= 1 << source.randrange(8)
    return bytes(octets)


def judge_file(path: Path) -> str:
    """How a definition's file ends: read or refused. Fails on anything else."""
    try:
        read_definition(path)
    except DefinitionError as error:
        return check_message(str(error))
    return "read"
