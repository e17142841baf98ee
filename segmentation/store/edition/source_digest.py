"""One digest of the sources that make an edition, so that an edition made by other code has another name.

Comparing it with that of an edition is in catalogue/edition_key.py. Versions of libraries are in versions.py.
"""

import hashlib
import os
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

# Those whose code can change a byte of an edition: not the command, deployments, docs, bench or tests.
PACKAGES = ("config", "schemas", "segmentation", "tasks", "flows")
# Of code and of what it may read. Other files in these folders, such as notes and backups of an
# editor, do not count. docs/decisions/0029-code-in-the-name.md
SUFFIXES = frozenset(
    (
        *(".py", ".so", ".pyd"),
        *(".j2", ".html", ".css", ".js", ".svg", ".sql"),
        *(".csv", ".json", ".npy", ".npz", ".parquet", ".pkl", ".toml", ".tsv", ".txt", ".yaml", ".yml"),
    )
)
# Definitions, and Python schemas that they name: both are in an edition's name by their content.
DEFINITIONS = Path("config", "segmentations")


@cache
def compute_source_digest() -> str:
    """16 characters for the sources that this process runs, read once, when they are first asked for."""
    return digest_sources({package: _locate(package) for package in PACKAGES})


def digest_sources(folders: dict[str, Path]) -> str:
    """The digest of packages by name, equal in a checkout and in an installed wheel.

    Neither the order of files nor their line endings matter.
    """
    digest = hashlib.sha256()
    for name, path in sorted(
        (f"{package}/{path.relative_to(folder).as_posix()}", path)
        for package, folder in folders.items()
        for path in list_sources(package, folder)
    ):
        # A checkout on Windows may have CRLF, which Python reads as LF.
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def list_sources(package: str, folder: Path) -> Iterator[Path]:
    """The files of a package that count."""
    for root, folders, names in os.walk(folder, followlinks=True):  # as imports do
        parent = Path(root)
        folders[:] = [
            name
            for name in folders
            if name != "__pycache__"
            and not name.startswith(".")
            and package / (parent / name).relative_to(folder) != DEFINITIONS
        ]
        for name in names:
            if os.path.splitext(name)[1] in SUFFIXES and not name.startswith("."):  # noqa: PTH122 - quick
                yield parent / name


def read_checkout_commit() -> str | None:
    """The git commit of the checkout that the sources are in; None for an installed package.

    The sources may have been edited since: only the digest says what ran.
    """
    git = _locate(__package__.partition(".")[0]).parent / ".git"
    try:
        if git.is_file():  # a work tree of another checkout
            git = git.parent / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head
        common = git / "commondir"
        root = git / common.read_text(encoding="utf-8").strip() if common.is_file() else git
        name = head.removeprefix("ref: ")
        if (root / name).is_file():
            return (root / name).read_text(encoding="utf-8").strip()
        packed = (root / "packed-refs").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return next((line.split(" ")[0] for line in packed if line.endswith(f" {name}")), None)


def _locate(package: str) -> Path:
    # Where Python imports it from: a folder of that name next to a program may hide the installed one.
    spec = find_spec(package)
    locations = spec.submodule_search_locations if spec else None
    if not locations:
        raise ModuleNotFoundError(f"package {package} of this project cannot be found")
    return Path(locations[0])
