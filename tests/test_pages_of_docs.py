"""The documentation as a whole: shelves, the paths and names that pages mention, commands, the picture."""

import doctest
import re
import subprocess
import sys
from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from flows.resegment import segment_customers
from tasks.runtime.stage import list_stages

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FOLDERS = (
    "bench",
    "config",
    "deployments",
    "docs",
    "flows",
    "resegment",
    "schemas",
    "segmentation",
    "tasks",
    "tests",
)
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
LONGEST_README = 130
# Records of replaced decisions speak of the layout of their day.
REPLACED = "*Replaced by [decision"

# Shown by Prefect, in the words of its own code.
PREFECT_MESSAGES = {
    "Process exited with status code",
    "Flow run infrastructure exited",
    "Execution was aborted by Python system exit call",
    "Failed to submit flow run to infrastructure",
}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def list_shelved(index: Path) -> Counter[Path]:
    """How often each page is on a shelf of an index."""
    links = re.findall(r"^- \[[^]]*\]\(([\w./-]+\.md)\)", index.read_text(encoding="utf-8"), re.MULTILINE)
    return Counter((index.parent / link).resolve() for link in links)


def list_paths(text: str) -> set[str]:
    """Paths of the project that a page names, in backticks or not; placeholders do not count.

    >>> sorted(list_paths("`tasks/fit.py` and tests/test_fit.py, config/segmentations/NAME.yaml"))
    ['tasks/fit.py', 'tests/test_fit.py']
    """
    paths = re.findall(rf"(?<![\w/.-])(?:{'|'.join(FOLDERS)})/[\w/.-]*\.(?:py|yaml|md|css|js|svg)\b", text)
    return {path for path in paths if "NAME" not in path}


def list_identifiers(text: str) -> set[str]:
    """Names in backticks that only code can explain: two_words or TwoWords.

    >>> sorted(list_identifiers("`EditionDraft`, `list_stages`, `fit`, `--as-of`, `published/as_of=…`"))
    ['EditionDraft', 'list_stages']
    """
    return set(re.findall(r"`((?:[a-z]\w*_\w+)|(?:[A-Z][a-z0-9]+[A-Z]\w*))`", text))


@pytest.fixture(scope="module")
def sources() -> str:
    """All of the project's source and configuration in one text, without documentation and tests."""
    folders = [folder for folder in FOLDERS if folder not in ("docs", "tests")]
    files = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    suffixes = {".py", ".yaml", ".j2", ".js"}
    return "\n".join(path.read_text(encoding="utf-8") for path in files if path.suffix in suffixes)


def list_created_paths(page: Path) -> set[str]:
    """Files that a page tells the reader to create: code blocks that begin with `# file PATH`."""
    return set(re.findall(r"^# file (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_page_is_on_exactly_one_shelf() -> None:
    """docs/index.md shelves each page once; decisions are shelved in an index of their own."""
    for index in (DOCS / "index.md", DOCS / "decisions" / "index.md"):
        pages = {page.resolve() for page in index.parent.glob("*.md") if page != index}
        if index.parent == DOCS:
            pages.add((DOCS / "decisions" / "index.md").resolve())
        assert list_shelved(index) == dict.fromkeys(pages, 1)


def test_the_index_has_four_shelves() -> None:
    """Start, how-to, reference and explanation."""
    headings = re.findall(r"^## (.*)$", (DOCS / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == ["Start", "How-to", "Reference", "Explanation"]


@every_page
def test_paths_that_a_page_names_exist(page: Path) -> None:
    """A page never speaks of a module that has been moved."""
    text = page.read_text(encoding="utf-8")
    if REPLACED not in text:
        assert not {
            path for path in list_paths(text) - list_created_paths(page) if not (ROOT / path).exists()
        }


@every_page
def test_identifiers_that_a_page_names_exist(page: Path, sources: str) -> None:
    """A page names no function, record or key that has been renamed; its own examples may define some."""
    text = page.read_text(encoding="utf-8")
    definitions = " ".join(re.findall(r"^(?:def|class) (\w+)", text, re.MULTILINE))
    if REPLACED not in text:
        vocabulary = f"{sources}\n{definitions}"
        assert not {name for name in list_identifiers(text) if not re.search(rf"\b{name}\b", vocabulary)}


def list_anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as git hosts name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_page
def test_anchors_that_a_page_links_to_exist(page: Path) -> None:
    """Links into other folders too: the site offers those pages as downloads and cannot check them."""
    links = re.findall(r"\]\(([\w./-]*\.md)?#([\w-]+)\)", page.read_text(encoding="utf-8"))
    assert not [
        (file, anchor)
        for file, anchor in links
        if anchor not in list_anchors((page.parent / file).resolve() if file else page)
    ]


@pytest.mark.parametrize("name", ["operate.md", "object-stores.md"])
def test_messages_that_a_page_quotes_exist(name: str, sources: str) -> None:
    """Whoever looks up a message in a table of faults finds it as the program words it."""
    rows = re.findall(r"^\| (.*?) \|", (DOCS / name).read_text(encoding="utf-8"), re.MULTILINE)
    messages = [message for cell in rows for message in re.findall(r"`([^`]* [^`]*)`", cell)]
    fragments = {part.strip(" ,") for message in messages for part in re.split(r"…|s3://\w+|[:;]", message)}
    sentences = {fragment for fragment in fragments if " " in fragment} - PREFECT_MESSAGES
    assert len(sentences) >= 4
    assert not {sentence for sentence in sentences if sentence not in sources}


def test_a_stale_path_and_a_stale_name_are_noticed(sources: str) -> None:
    """Both checks see what they are for."""
    assert list_paths("see `segmentation/gone.py`.") == {"segmentation/gone.py"}
    assert list_identifiers("`gone_function` and `GoneRecord`") == {"gone_function", "GoneRecord"}
    assert "segment_customers" in sources


@pytest.fixture(scope="module")
def commands() -> set[str]:
    """The commands that `resegment --help` lists."""
    resegment = Path(sys.executable).with_name("resegment")
    environment = {"COLUMNS": "200", "NO_COLOR": "1", "PATH": str(resegment.parent)}
    help_page = subprocess.run(
        [resegment, "--help"], capture_output=True, text=True, timeout=60, env=environment
    )
    command_table = help_page.stdout.split("Commands")[1]
    return set(re.findall(r"^│ ([a-z][a-z-]*) ", command_table, re.MULTILINE))


def test_every_command_has_its_line(commands: set[str]) -> None:
    """docs/commands.md lists each command of `resegment`, and no other."""
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `resegment ([a-z-]+)", text, re.MULTILINE)) == commands


@every_page
def test_commands_that_a_page_shows_exist(page: Path, commands: set[str]) -> None:
    """Whether at a prompt or in a sentence, `resegment COMMAND` is a command."""
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"(?:`|\$ |bin/)resegment ([a-z][a-z-]*)", text)) <= commands


@pytest.mark.release
def test_the_picture_shows_the_stages_in_the_order_of_the_flow() -> None:
    """docs/night.svg and the tables of docs/night.md list the modules of the flow's stages, in order."""
    modules = list(dict.fromkeys(stage.function.__module__ for stage in list_stages(segment_customers)))
    files = [module.replace(".", "/") + ".py" for module in modules]
    assert re.findall(r">(tasks/\w+\.py)<", (DOCS / "night.svg").read_text(encoding="utf-8")) == files
    night = (DOCS / "night.md").read_text(encoding="utf-8").split("## The centre")
    names = [Path(file).stem for file in files]
    assert {name for half in night for name in re.findall(r"^\| (\w+) \|", half, re.MULTILINE)} >= set(names)


def test_the_readme_is_short() -> None:
    """At most 130 lines."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST_README


def test_the_examples_in_the_configuration_of_the_site_hold() -> None:
    """The doctests of docs/conf.py, a file that pytest does not collect by itself."""
    spec = spec_from_file_location("conf", DOCS / "conf.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    result = doctest.testmod(module)
    assert result.attempted > 0 and result.failed == 0
