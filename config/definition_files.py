"""Locating and reading definition files. What they may contain is in config/definition.py.

YAML itself is read in config/yaml_content.py.
"""

import difflib
import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.definition import NAME_PATTERN, Definition
from config.yaml_content import LONGEST_TEXT, YamlFault, parse_yaml

_MOST_FAULTS = 20  # in one message
_LONGEST_FAULT = 300  # characters
_KINDS: dict[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    date: "a date",
    datetime: "a time",
    dict: "a mapping",
    list: "a list",
    type(None): "null",
}


class DefinitionError(ValueError):
    """A missing or invalid definition. The message is for people."""


def resolve_definition(name: str, folder: Path) -> Path:
    """The path of the definition `name` in `folder`. DefinitionError lists the names that exist."""
    if not re.match(NAME_PATTERN + r"\Z", name):
        raise DefinitionError(
            f"{name[:60]!r} is not a definition's name: lower-case letters, digits and '-', starting "
            "with a letter, at most 40"
        )
    path = folder / f"{name}.yaml"
    if not path.is_file():
        names = sorted(file.stem for file in folder.glob("*.yaml"))
        similar = difflib.get_close_matches(name, names, 1)
        hint = f"; did you mean {similar[0]}?" if similar else "."
        raise DefinitionError(
            f"no definition named {name}{hint} Available: {', '.join(names) or 'none'}. "
            "On the command line you can also give the path of a .yaml file"
        )
    return path


def read_definition(path: Path) -> Definition:
    """Read and validate one definition file. DefinitionError lists every fault, key by key."""
    try:
        with path.open(encoding="utf-8") as file:
            # Not the whole of a file of gigabytes: one character more than allowed is enough to refuse it.
            text = file.read(LONGEST_TEXT + 1)
    except UnicodeDecodeError as error:
        raise DefinitionError(f"{path.name} is not text in UTF-8, which a definition must be") from error
    except OSError as error:
        raise DefinitionError(f"{path.name} cannot be read: {type(error).__name__}") from error
    if len(text) > LONGEST_TEXT:
        raise DefinitionError(f"{path.name} has more than {LONGEST_TEXT:,} characters, the most allowed")
    return parse_definition(text, path.name)


def parse_definition(text: str, file: str) -> Definition:
    """Validate the text of a definition whose file has, or will have, this name."""
    try:
        content = parse_yaml(text)
    except YamlFault as error:
        raise DefinitionError(f"{file} is not valid YAML {error}") from error
    try:
        definition = Definition.model_validate(content)
    except ValidationError as error:
        raise DefinitionError(f"{file}: {describe_faults(error)}") from error
    # A copied definition that keeps its old name would publish over the original.
    if definition.name != Path(file).stem:
        raise DefinitionError(f"{file} holds name: {definition.name}; a definition's file is named after it")
    return definition


def describe_faults(error: ValidationError) -> str:
    """The faults in one line, as `key: what is wrong`, without values from the file."""
    faults = [_describe_fault(fault) for fault in error.errors(include_url=False)]
    unnamed = len(faults) - _MOST_FAULTS
    return "; ".join(faults[:_MOST_FAULTS]) + (f"; and {unnamed:,} more" if unnamed > 0 else "")


def _describe_fault(fault: Mapping[str, Any]) -> str:
    # Parts in <> are not keys: they say which of several models an entry was taken for.
    parts = [str(part) for part in fault["loc"]]
    key = ".".join(part for part in parts if not part.startswith("<")) or "definition"
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        message = "unknown key"
    elif fault["type"].endswith(("_type", "_parsing")):
        kind = type(fault["input"])
        message += f", not {_KINDS.get(kind, kind.__name__)}"
    return f"{_shorten(key)}: {_shorten(message)}"


def _shorten(text: str) -> str:
    """One line of limited length: keys may contain line breaks, terminal commands, or a megabyte."""
    line = "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in text[: _LONGEST_FAULT + 1])
    return line if len(line) <= _LONGEST_FAULT else f"{line[:_LONGEST_FAULT]}…"
