"""Damaged and odd definitions: whatever text and values, one message and no traceback."""

import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from config.definition_files import DefinitionError, parse_definition, read_definition
from config.settings import read_settings
from resegment import cli
from segmentation.errors import Refused
from tasks.runtime.parameters import check_parameters
from tests.definition_fuzzing import (
    FILES,
    SHIPPED,
    YAML,
    check_message,
    damage,
    judge,
    judge_file,
    list_odd_definitions,
)

STEP = 499  # in the quick suite
DAMAGED = 150
LONG = ("100,000 keys",)  # to parse
PARAMETERS = [
    *("", "\0", "a\0b", "..", "/", "~nobody/x", "a" * 300, "a/" * 3000, "é" * 200, "\ud800", "con", "a\nb"),
    *("s3://", "s3://x/../y", "s3://x//y", "S3://x", "file:///etc", "\x1b[2J", "shop\n", " shop", "Shop"),
    *("/dev/zero", "C:\\x", "--help", "$(ls)", "{0}", "\u202eabc"),
]


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow if kind in LONG else ()) for kind in YAML]
)
def test_odd_yaml_is_refused_in_one_message(kind: str) -> None:
    """Text that is not a definition is refused, and the message says what was found."""
    text, expected = YAML[kind]
    with pytest.raises(DefinitionError) as refusal:
        parse_definition(text, "demo.yaml")
    assert expected in str(refusal.value)
    assert check_message(str(refusal.value))


@pytest.mark.parametrize("kind", FILES)
def test_odd_files_are_refused_in_one_message(kind: str, tmp_path: Path) -> None:
    """A file that is not UTF-8 text of a fair length is refused before it is parsed."""
    content, expected = FILES[kind]
    (tmp_path / "demo.yaml").write_bytes(content)
    with pytest.raises(DefinitionError, match=expected):
        read_definition(tmp_path / "demo.yaml")


@pytest.mark.parametrize(
    "path", [*SHIPPED[:1], *(pytest.param(path, marks=pytest.mark.slow) for path in SHIPPED[1:])],
    ids=lambda path: path.stem,
)  # fmt: skip
def test_odd_values_under_every_key(path: Path) -> None:
    """Every key of a definition with every odd value is accepted or refused in one message."""
    outcomes = Counter(map(judge, list_odd_definitions(path)))
    assert outcomes["refused"] > 100


def test_odd_values_of_all_definitions() -> None:
    """A sample of the same over all shipped definitions, so that each kind of key is tried every day."""
    outcomes = Counter(judge(content) for path in SHIPPED for content in list_odd_definitions(path, STEP))
    assert set(outcomes) <= {"accepted", "refused"}


@pytest.mark.parametrize(
    "seeds", [range(DAMAGED), pytest.param(range(DAMAGED, 6_000), marks=pytest.mark.slow)], ids=len
)
def test_damaged_definition_files(seeds: range, tmp_path: Path) -> None:
    """A shipped definition that an editor, a merge or a disk damaged is read or refused in one message."""
    outcomes = Counter[str]()
    for seed in seeds:
        source = random.Random(seed)  # noqa: S311 - not a secret
        shipped = source.choice(SHIPPED)
        path = tmp_path / shipped.name
        path.write_bytes(damage(source, shipped.read_text()))
        outcomes[judge_file(path)] += 1
    assert outcomes["read"]
    assert outcomes["refused"] > outcomes["read"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "demo.yaml"),
        ("backfill", "demo.yaml", "--start", "2026-01-01", "--end", "2026-01-02"),
        ("compare", "demo.yaml"),
        ("score", "demo.yaml", "a.csv", "--output", "b.parquet"),
        ("history", "demo"),
        ("init", "a.csv", "-o", "demo.yaml"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_commands_refuse_a_damaged_definition(
    arguments: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Commands that need the definition end with status 2 and one line, and init leaves the file alone."""
    text = "name: demo\ndescription: 2026-02-30\n"
    (tmp_path / "demo.yaml").write_text(text)
    (tmp_path / "a.csv").write_text("id,a\n1,2\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli.app, "registered_groups", [])
    monkeypatch.setattr(sys, "argv", ["resegment", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    message = capsys.readouterr().err
    assert end.value.code == 2
    assert message.startswith("resegment: ")
    assert message.count("\n") == 1
    assert (tmp_path / "demo.yaml").read_text() == text


@pytest.mark.parametrize("roots", ["", "/srv,s3://good"])
def test_odd_parameters_of_flows(roots: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a form may send as a definition, source or store is accepted or refused in one message."""
    monkeypatch.setenv("RESEGMENT_ROOTS", roots)
    read_settings.cache_clear()
    outcomes = Counter[str]()
    for text in PARAMETERS:
        for definition, source, store in ((text, None, None), ("shop", text, None), ("shop", None, text)):
            try:
                check_parameters(definition, source=source, store=store)
            except Refused as refusal:
                outcomes[check_message(str(refusal))] += 1
            else:
                outcomes["accepted"] += 1
    assert outcomes["refused"] > len(PARAMETERS)
