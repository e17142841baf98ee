"""Names say what a value is. The words that do not are listed, with their replacements, in vocabulary.py."""

import ast
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePath

import pytest

from tests.source_tree import (
    PACKAGES,
    Function,
    SourceFile,
    expect_none,
    list_all,
    list_bindings,
    list_code,
    list_sources,
    parse_snippet,
)
from tests.vocabulary import (
    BANNED_MODULES,
    BANNED_NAMES,
    BANNED_PREFIXES,
    PARTICIPLES,
    PRONOUNS,
    PROTOCOL_NAMES,
)

MOST_VAGUE = 0.005  # share of all local bindings; structlog, skrub and sqlite-utils have 0 to 0.002


def list_vague_names(files: Iterable[SourceFile]) -> list[str]:
    """Local bindings named with a pronoun or a participle."""
    vague = PRONOUNS | PARTICIPLES
    return [str(binding) for binding in list_bindings(files) if binding.name.strip("_").lower() in vague]


def list_banned_names(files: Iterable[SourceFile]) -> list[str]:
    """Functions, classes, attributes and local bindings with a banned name, and its replacement."""
    violations = []
    for file in files:
        definitions = [(1, file.stem)]
        values = [(binding.line, binding.name) for binding in list_bindings([file])]
        for node in file.nodes:
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    definitions.append((node.lineno, node.name))
                case ast.Attribute(ctx=ast.Store()):
                    values.append((node.lineno, node.attr))
        for names, prefixes in ((definitions, BANNED_PREFIXES), (values, {})):
            violations += [
                f"{file.path}:{line} {name}: {replacement}"
                for line, name in names
                if (replacement := get_replacement(name, prefixes)) is not None
            ]
    return violations


def get_replacement(name: str, prefixes: dict[str, str]) -> str | None:
    """What to use instead of a banned name; None for a name that is not banned."""
    bare = name.strip("_").removeprefix("test_")
    if bare in BANNED_NAMES:
        return BANNED_NAMES[bare]
    if name in PROTOCOL_NAMES or name.startswith(
        "test_"
    ):  # a test's name is a sentence, so prefixes mean nothing in it
        return None
    return next((instead for prefix, instead in prefixes.items() if bare.startswith(prefix)), None)


def list_banned_modules(files: Iterable[SourceFile]) -> list[str]:
    """Dumping grounds, modules that shadow another package, and a module next to its own plural."""
    violations = []
    stems: defaultdict[PurePath, set[str]] = defaultdict(set)
    for file in files:
        folder, stem = PurePath(file.path).parent, file.stem
        if stem in BANNED_MODULES:
            violations.append(f"{file.path}:1 {stem}: {BANNED_MODULES[stem]}")
        # Only the command's package may share its name with a module below it: no lower layer imports it.
        if stem in PACKAGES and (stem, folder.name) != ("resegment", "flows"):
            violations.append(f"{file.path}:1 {stem}: the name of a package")
        if stem.rstrip("s") in {sibling.rstrip("s") for sibling in stems[folder]}:
            violations.append(f"{file.path}:1 {stem}: singular and plural in one folder")
        stems[folder].add(stem)
    return violations


def list_duplicates(files: Iterable[SourceFile]) -> list[str]:
    """Public functions and classes that are defined in more than one module."""
    places = defaultdict(list)
    for file in files:
        for node in file.tree.body:
            # Each benchmark is started by its `main`; a test's name only has to be unique in its file.
            is_main = file.package == "bench" and getattr(node, "name", "") == "main"
            if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_") and not is_main:
                places[node.name].append(f"{file.path}:{node.lineno}")
    return [
        f"{place} {name}: also in {', '.join(path for path in paths if path != place)}"
        for name, paths in sorted(places.items())
        for place in paths
        if len({path.split(":")[0] for path in paths}) > 1
    ]


def test_few_names_are_pronouns_or_participles() -> None:
    """At most 0.5 % of local names are words such as `one`, `found` or `told`."""
    vague, total = list_vague_names(list_all()), len(list_bindings(list_all()))
    share = len(vague) / total
    assert share <= MOST_VAGUE, f"{share:.2%}, {len(vague)} of {total}:\n" + "\n".join(vague)


def test_no_name_is_banned() -> None:
    """No module, class, function, attribute or value has a name of the list of banned names."""
    expect_none(list_banned_names(list_all()))


def test_no_module_is_a_dumping_ground() -> None:
    """No module is called utils or the like, shadows a package, or differs from its neighbour by an s."""
    expect_none(list_banned_modules(list_all()))


def test_a_public_name_is_defined_once() -> None:
    """A public function or class has one definition in the whole project."""
    expect_none(list_duplicates([*list_code(), *list_sources("bench")]))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("def f(found): ...", "found"),
        ("found = 1", "found"),
        ("for one in x: ...", "one"),
        ("y = [one for one in x]", "one"),
        ("with x as (told, z): ...", "told"),
        ("try: ...\nexcept ValueError as which: ...", "which"),
        ("if (said := 1): ...", "said"),
        ("y = lambda other: 1", "other"),
        ("_found: int = 1", "_found"),
        ("match x:\n case [this]: ...", "this"),
    ],
)
def test_vague_names_are_seen(code: str, name: str) -> None:
    """A pronoun or participle is seen wherever Python can bind a name."""
    (violation,) = list_vague_names(parse_snippet(code))
    assert violation.endswith(f" {name}")


@pytest.mark.parametrize(
    "code",
    ["class A:\n read: int\n", "x.found = 1", "def found(): ...", "rows = 1", "for _ in x: ..."],
)
def test_other_names_pass(code: str) -> None:
    """Fields of records, functions and nouns are not vague local names."""
    assert list_vague_names(parse_snippet(code)) == []


@pytest.mark.parametrize(
    "code",
    [
        "def find_rows(): ...",
        "def _tell_rows(): ...",
        "def settle(): ...",
        "class Memory: ...",
        "def f(story): ...",
        "x.memory = 1",
    ],
)
def test_banned_names_are_seen(code: str) -> None:
    """Banned prefixes and names are seen in functions, classes, parameters and attributes."""
    assert len(list_banned_names(parse_snippet(code))) == 1


def test_banned_modules_are_seen() -> None:
    """A module called utils, one called like a package, and a plural of its neighbour are seen."""
    paths = ("tasks/utils.py", "tasks/schemas.py", "tasks/record.py", "tasks/records.py")
    files = [file for path in paths for file in parse_snippet("", path)]
    assert [violation.split(":")[0] for violation in list_banned_modules(files)] == [*paths[:2], paths[3]]


def test_duplicates_are_seen() -> None:
    """A function and a class of one name in two modules are seen; private names and methods are not."""
    first = "def load(): ...\ndef _own(): ...\nclass A:\n def run(self): ..."
    second = "class load: ...\ndef _own(): ...\nclass B:\n def run(self): ..."
    files = [*parse_snippet(first, "tasks/a.py"), *parse_snippet(second, "tasks/b.py")]
    assert list_duplicates(files) == [
        "tasks/a.py:1 load: also in tasks/b.py:1",
        "tasks/b.py:1 load: also in tasks/a.py:1",
    ]
