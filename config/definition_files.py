"""Locating and reading definition files. What they may contain is in config/definition.py."""

import difflib
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from config.definition import NAME_PATTERN, Definition


class DefinitionError(ValueError):
    """A missing or invalid definition. The message is for people."""


class _StrictLoader(yaml.SafeLoader):
    """YAML that refuses repeated keys; by default the last one silently wins."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key} appears twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


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
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{path.name} cannot be read: {type(error).__name__}") from error
    return parse_definition(text, path.name)


def parse_definition(text: str, file: str) -> Definition:
    """Validate the text of a definition whose file has, or will have, this name."""
    try:
        # yaml.load with a loader derived from SafeLoader: Python tags are refused, not executed.
        content = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        position = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise DefinitionError(f"{file} is not valid YAML{position}: {problem}") from error
    try:
        definition = Definition.model_validate(content)
    except ValidationError as error:
        raise DefinitionError(f"{file}: {describe_faults(error)}") from error
    # A copied definition that keeps its old name would publish over the original.
    if definition.name != Path(file).stem:
        raise DefinitionError(f"{file} holds name: {definition.name}; a definition's file is named after it")
    return definition


def describe_faults(error: ValidationError) -> str:
    """Every fault in one line, as `key: what is wrong`, without values from the file."""
    faults = []
    for fault in error.errors(include_url=False, include_input=False):
        # Parts in <> are not keys: they say which of several models an entry was taken for.
        parts = [str(part) for part in fault["loc"]]
        key = ".".join(part for part in parts if not part.startswith("<")) or "definition"
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = "unknown key"
        faults.append(f"{key}: {message}")
    return "; ".join(faults)
