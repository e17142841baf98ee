"""Strict YAML: text to plain values, within limits, and each fault with its line and column.

Only what definitions need is read: no tags for other types, no merge keys, no repeated keys, no keys that
are not text. What a definition may contain is in config/definition.py.
"""

import re
from typing import Any, NoReturn

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

LONGEST_TEXT = 1_000_000  # characters
DEEPEST = 30  # lists and mappings inside one another; a definition needs seven
MOST_VALUES = 100_000  # an alias counts as much as what it repeats

_PREFIX = "tag:yaml.org,2002:"
_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
    "timestamp": "a date or time",
    "map": "a mapping",
    "seq": "a list",
}
_TAGS = {f"{_PREFIX}{kind}" for kind in _KINDS}
_SURROGATE = re.compile("[\ud800-\udfff]")
# What PyYAML's constructors raise for a value that looks like a date or number and is not one.
_CONSTRUCTION_ERRORS = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, LookupError)


class YamlFault(ValueError):
    """Text that is not YAML, or more than definitions need. The message says what is wrong, and where."""


def parse_yaml(text: str) -> object:
    """The value of a YAML document: mappings, lists, texts, numbers, booleans, dates and null."""
    if len(text) > LONGEST_TEXT:
        raise YamlFault(f"{len(text):,} characters; expected at most {LONGEST_TEXT:,}")
    try:
        # A loader derived from SafeLoader: Python tags are refused, not executed.
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = ord(text[error.position])
        raise YamlFault(f"at line {line}: the character U+{code:04X} is not allowed") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"at line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise YamlFault(place + (getattr(error, "problem", None) or "not YAML")) from None
    except _CONSTRUCTION_ERRORS:
        # The scanner, too, trusts numbers in escapes and directives.
        raise YamlFault("because an escape or a directive is malformed") from None


class _StrictLoader(yaml.SafeLoader):
    """A SafeLoader that counts values and depth while it composes, before anything is built from them."""

    yaml_constructors = {  # noqa: RUF012 - a class attribute of PyYAML's
        tag: function for tag, function in yaml.SafeLoader.yaml_constructors.items() if tag in _TAGS
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._count = 0
        # Values below each anchor, known once its node is complete.
        self._anchored: dict[str, int] = {}
        self._keys: dict[Node, str] = {}

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:  # noqa: ANN401 - a node or a number
        event, first = self.peek_event(), self._count  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            node = super().compose_node(parent, index)
            if event.anchor not in self._anchored:
                raise _fault(f"the alias {event.anchor[:60]} is inside what it repeats", event)
            self._add_values(self._anchored[event.anchor], event)
            return node
        self._depth += 1
        if self._depth > DEEPEST:
            raise _fault(f"more than {DEEPEST} lists and mappings inside one another", event)
        self._add_values(1, event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(node, ScalarNode) and _SURROGATE.search(node.value):
            raise _fault("half of a surrogate pair is not a character; write \\U and eight digits", event)
        if node is not None and isinstance(index, ScalarNode):
            self._keys[node] = index.value
        if event.anchor is not None:
            self._anchored[event.anchor] = self._count - first
        return node

    def _add_values(self, count: int, event: yaml.Event) -> None:
        self._count += count
        if self._count > MOST_VALUES:
            raise _fault(f"more than {MOST_VALUES:,} values, aliases included", event)

    def construct_object(self, node: Node, deep: bool = False) -> object:
        try:
            return super().construct_object(node, deep)
        except _CONSTRUCTION_ERRORS:
            key = f"{self._keys[node][:60]}: " if node in self._keys else ""
            problem = (
                f"this looks like {_describe_tag(node.tag)} and cannot be read as one; text needs quotes"
            )
            raise _fault(key + problem, node) from None

    def construct_undefined(self, node: Node) -> NoReturn:
        if node.tag == f"{_PREFIX}value":
            raise _fault("= has a meaning of its own in YAML; text needs quotes", node)
        raise _fault(f"the tag {node.tag[:60]} is not supported", node)

    yaml_constructors[None] = construct_undefined

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = set[str]()
        for key, _ in node.value if isinstance(node, MappingNode) else ():
            if key.tag == f"{_PREFIX}merge":
                raise _fault("merge keys (<<) are not supported; write the keys out", key)
            if not isinstance(key, ScalarNode) or key.tag != f"{_PREFIX}str":
                raise _fault(f"a key is {_describe_tag(key.tag)}; expected text, in quotes if needed", key)
            # By default the last one silently wins.
            if key.value in keys:
                raise _fault(f"the key {key.value[:60]} appears twice", key)
            keys.add(key.value)
        return super().construct_mapping(node, deep)


def _describe_tag(tag: str) -> str:
    kind = tag.removeprefix(_PREFIX)
    return _KINDS.get(kind, kind[:60])


def _fault(problem: str, place: Node | yaml.Event) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, place.start_mark)  # type: ignore[arg-type]
