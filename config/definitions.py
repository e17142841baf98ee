"""Finding and reading definition files. What they may say is in config/parameters.py."""

import difflib
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from config.parameters import NAME_PATTERN, Segmentation


class DefinitionError(ValueError):
    """A definition that is missing or not acceptable; the message is for people."""


class _StrictLoader(yaml.SafeLoader):
    """YAML without repeated keys, which would silently drop the first one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key} stands twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def find_definition(name: str, folder: Path) -> Path:
    """The file of the definition `name` in `folder`; DefinitionError with the names that exist."""
    if not re.match(NAME_PATTERN + r"\Z", name):
        raise DefinitionError(
            f"{name[:60]!r} is not a definition's name: lower-case letters, digits and '-', starting "
            "with a letter, at most 40"
        )
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = sorted(p.stem for p in folder.glob("*.yaml"))
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise DefinitionError(
            f"no definition named {name}{hint} Known here: {', '.join(known) or 'none'}. "
            "A path to a .yaml file works too on the command line"
        )
    return path


def read_definition(path: Path) -> Segmentation:
    """Read and check one definition file. DefinitionError names every fault, key by key."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{path.name} cannot be read: {type(error).__name__}") from error
    return parse_definition(text, path.name)


def parse_definition(text: str, file: str) -> Segmentation:
    """Check the text of a definition whose file has, or will have, this name."""
    try:
        content = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise DefinitionError(f"{file} is not valid YAML{where}: {problem}") from error
    try:
        segmentation = Segmentation.model_validate(content)
    except ValidationError as error:
        raise DefinitionError(f"{file}: {explain(error)}") from error
    if segmentation.name != Path(file).stem:
        raise DefinitionError(
            f"{file} holds name: {segmentation.name}; a definition's file is named after it"
        )
    return segmentation


def explain(error: ValidationError) -> str:
    """Every fault of a definition in one line, `key: what is wrong`, without the values found."""
    faults = []
    for fault in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in fault["loc"]) or "definition"
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = "unknown key"
        faults.append(f"{where}: {message}")
    return "; ".join(faults)
