"""The digest of the sources: equal in every copy of them, another one as soon as a source differs."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from segmentation.store.edition.source_digest import (
    DEFINITIONS,
    PACKAGES,
    digest_sources,
    list_sources,
    read_checkout_commit,
)

ROOT = Path(__file__).parents[1]
FILES = {
    "tasks/fit.py": "x = 1\ny = 2\n",
    "tasks/runtime/stage.py": "",
    "segmentation/report/report.css": "a { color: red }\n",
    "segmentation/report/templates/page.html.j2": "{{ x }}\n",
    "segmentation/words.txt": "far\nnear\n",
    "segmentation/fast.so": "compiled",
}


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Two packages with a few sources."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return {package: tmp_path / package for package in ("segmentation", "tasks")}


@pytest.mark.parametrize("name", FILES)
def test_every_source_counts(folders: dict[str, Path], tmp_path: Path, name: str) -> None:
    """A byte more, another name, or no such file: each gives another digest."""
    path, digests = tmp_path / name, {digest_sources(folders)}
    path.write_bytes(path.read_bytes() + b"#")
    digests.add(digest_sources(folders))
    path.rename(path.with_stem("other"))
    digests.add(digest_sources(folders))
    path.with_stem("other").unlink()
    digests.add(digest_sources(folders))
    assert len(digests) == 4


@pytest.mark.parametrize(
    "name",
    [
        "tasks/__pycache__/fit.cpython-311.pyc",
        "tasks/fit.pyc",
        "tasks/.fit.py.swp",
        "tasks/fit.py~",
        "tasks/fit.py.orig",
        "tasks/.hidden/fit.py",
        "tasks/.hidden.py",
        "tasks/NOTES.md",
        "tasks/.DS_Store",
        "segmentation/nohup.out",
    ],
)
def test_what_is_not_a_source_does_not_count(folders: dict[str, Path], tmp_path: Path, name: str) -> None:
    """Compiled files, hidden ones, backups of an editor and notes change nothing."""
    digest = digest_sources(folders)
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"anything")
    assert digest_sources(folders) == digest


def test_sources_behind_a_link_count(folders: dict[str, Path], tmp_path: Path) -> None:
    """Python imports a package that is a link to another folder."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "tasks" / "mine").symlink_to(tmp_path / "elsewhere")
    digest = digest_sources(folders)
    (tmp_path / "elsewhere" / "stage.py").write_text("x = 1")
    assert digest_sources(folders) != digest


def test_definitions_do_not_count(tmp_path: Path) -> None:
    """An edition's name has its definition's content already, and that of a Python schema next to it."""
    (tmp_path / DEFINITIONS).mkdir(parents=True)
    folders = {"config": tmp_path / "config"}
    digest = digest_sources(folders)
    for name in ("shop.yaml", "contract.py"):
        (tmp_path / DEFINITIONS / name).write_text("anything")
    assert digest_sources(folders) == digest
    (tmp_path / "config" / "settings.yaml").write_text("anything")
    assert digest_sources(folders) != digest


def test_line_endings_and_the_order_of_files_do_not_matter(folders: dict[str, Path], tmp_path: Path) -> None:
    """A checkout on Windows, and a copy whose files were written in another order, have the same digest."""
    digest, copies = digest_sources(folders), {}
    for package, folder in folders.items():
        copies[package] = tmp_path / "copy" / package
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_file():
                target = copies[package] / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert digest_sources(dict(reversed(copies.items()))) == digest


def test_all_files_that_git_tracks_in_the_packages_count() -> None:
    """A new kind of data file is noticed here; only definitions are left out."""
    names = run_git("ls-files", *PACKAGES).splitlines()
    tracked = {name for name in names if not Path(name).is_relative_to(DEFINITIONS)}
    counted = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in list_sources(package, ROOT / package)
    }
    assert tracked - counted == set()


def test_the_commit_of_a_checkout_is_known() -> None:
    """It is the one that git names."""
    assert read_checkout_commit() == run_git("rev-parse", "HEAD").strip()


@pytest.mark.slow
def test_a_wheel_has_the_digest_of_its_checkout(tmp_path: Path) -> None:
    """Whoever installs the package makes editions of the same names."""
    uv = shutil.which("uv") or shutil.which(str(ROOT / ".tools" / "bin" / "uv"))
    if uv is None:
        pytest.skip("not essential: uv is not installed")
    arguments = [uv, "build", "--wheel", "--quiet", "--out-dir", str(tmp_path), str(ROOT)]
    build = subprocess.run(arguments, capture_output=True, text=True, timeout=200)
    if "error sending request" in build.stderr or "network" in build.stderr:
        pytest.skip("not essential: uv cannot fetch what builds a wheel")
    assert build.returncode == 0, build.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "installed")
    folders = {package: tmp_path / "installed" / package for package in PACKAGES}
    checkout = {package: ROOT / package for package in PACKAGES}
    assert digest_sources(folders) == digest_sources(checkout)


def run_git(*arguments: str) -> str:
    """What git says about this checkout; the test is skipped outside of one."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not essential: this is not a git checkout")
    command = [str(shutil.which("git")), "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
