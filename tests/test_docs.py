"""The documents are true: every key, column, command and link in them is checked against the code."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from config.columns import Column, Fill, Rows
from config.conditions import Condition, RowRule
from config.parameters import ScalingPlan, Segmentation
from config.plans import CategoryPlan, Checks, FitPlan, KPlan, RefitPlan
from config.sources import Csv, Source
from config.summary import Summary, SummaryFeature
from schemas.comparison import COMPARISON
from schemas.fields import arrow_schema
from schemas.identity_tables import CHANGES, CONTESTED, HISTORY, LINEAGE, MIGRATION
from schemas.tables import DESCRIPTIONS, PROFILES, QUARANTINE, SWEEP, segments_schema
from segmentation.store.layout import SUMS
from segmentation.store.versions import LIBRARIES

ROOT = Path(__file__).parents[1]
PACKAGES = ("config", "schemas", "segmentation", "tasks", "flows", "deployments", "resegment")
SECTIONS: dict[str, type[BaseModel]] = {
    "": Segmentation, "source.": Source, "source.csv.": Csv, "rows.": Rows, "rows.columns.NAME.": Column,
    "rows.columns.NAME.fill.": Fill, "categories.": CategoryPlan,
    "rows.where.": RowRule, "summary.": Summary, "summary.features.NAME.": SummaryFeature,
    "summary.features.NAME.where.": Condition,
    "scaling.": ScalingPlan, "k.": KPlan, "fit.": FitPlan, "refit.": RefitPlan,
    "checks.": Checks,
}  # fmt: skip


def read(name: str) -> str:
    """A document's text."""
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_key_of_a_definition_is_described() -> None:
    """docs/definition.md has each key with the description that the code has, and no other key."""
    described = dict(
        re.findall(r"^\| `([\w.]+)` \|[^|]*\| (.*) \|$", read("docs/definition.md"), re.MULTILINE)
    )
    expected = {
        prefix + name: field.description
        for prefix, model in SECTIONS.items()
        for name, field in model.model_fields.items()
    }
    values = {"rows.on_duplicate", "scaling", "k.rule"}  # also in the table of values
    assert described.keys() == expected.keys()
    assert {k: v for k, v in described.items() if k not in values} == {
        k: v for k, v in expected.items() if k not in values
    }


def test_the_example_definitions_are_the_shipped_ones() -> None:
    """The definitions shown in docs/definition.md are the ones that are shipped."""
    shop, retail = re.findall(r"```yaml\n(.*?)```", read("docs/definition.md"), re.DOTALL)
    assert shop == read("config/segmentations/shop.yaml")
    assert retail == read("config/segmentations/online-retail.yaml")


def test_every_column_of_the_outputs_is_described() -> None:
    """docs/outputs.md has each column with its type, nullability and description."""
    text = read("docs/outputs.md")
    shop = Segmentation.model_validate(yaml.safe_load(read("config/segmentations/shop.yaml")))
    for schema in (
        segments_schema(shop),
        PROFILES,
        DESCRIPTIONS,
        SWEEP,
        QUARANTINE,
        COMPARISON,
        LINEAGE,
        MIGRATION,
        CHANGES,
        CONTESTED,
        HISTORY,
    ):
        section = text[text.index(f"## {schema.title}") :].split("\n## ")[0]
        for field in arrow_schema(schema):
            if field.name not in shop.features:
                null = "yes" if field.nullable else "no"
                meaning = field.metadata[b"description"].decode()
                assert f"| `{field.name}` | {field.type} | {null} | {meaning} |" in section
    for name in ("manifest.json", "model.json", "report.html", SUMS):
        assert f"`{name}`" in text


def test_every_link_leads_somewhere() -> None:
    """Relative links in the README and in docs/ name files that exist."""
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_readme_shows_commands_that_exist(tmp_path: Path) -> None:
    """Each resegment command of the README has a help page, and its own definition example is accepted."""
    text = read("README.md")
    command = str(Path(sys.executable).with_name("resegment"))
    for name in set(re.findall(r"\.venv/bin/resegment ([\w-]+)", text)):
        assert subprocess.run([command, name, "--help"], capture_output=True, timeout=60).returncode == 0
    block = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert block is not None
    Segmentation.model_validate(yaml.safe_load(block[1]))
    targets = re.findall(r"^(\w+):", read("Makefile"), re.MULTILINE)
    assert set(re.findall(r"\$ make (\w+)", text)) <= set(targets)


def test_no_pinned_library_is_missing_from_the_manifest() -> None:
    """Libraries whose versions the manifest names are the project's own dependencies."""
    assert all(f'"{name}' in read("pyproject.toml") for name in LIBRARIES)


def apply_page(root: Path, page: str) -> None:
    """Do in a copy of the project what docs/add-a-stage.md says."""
    for first, body in re.findall(r"```python\n# ([^\n]*)\n(.*?)```", page, re.DOTALL):
        kind, path = first.split(" ")[0], root / re.search(r"[\w/]+\.py", first)[0]  # type: ignore[index]
        if kind == "file":
            path.write_text(body)
        elif kind == "add":
            path.write_text(path.read_text() + "\n\n" + body)
        else:
            after = re.search(r'after "(.*)"', first)[1]  # type: ignore[index]
            lines = path.read_text().splitlines(keepends=True)
            place = max(i for i, line in enumerate(lines) if after in line)
            path.write_text("".join([*lines[: place + 1], body, *lines[place + 1 :]]))


@pytest.mark.xdist_group("prefect")
@pytest.mark.usefixtures("prefect_server")
def test_adding_a_stage_works_as_the_page_says(tmp_path: Path) -> None:
    """On a copy of the project, the page's files and lines give a stage that runs, tested and typed."""
    from prefect.settings import PREFECT_API_URL

    for name in (*PACKAGES, "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    apply_page(tmp_path, read("docs/add-a-stage.md"))
    night = (
        "import tasks.outliers; from flows.resegment import resegment; "
        "resegment('article', as_of='2026-01-31', store='store'); print(tasks.outliers.__file__)"
    )
    environment = {
        "PYTHONPATH": str(tmp_path),
        "PATH": str(Path(sys.executable).parent),
        "PREFECT_API_URL": PREFECT_API_URL.value() or "",
        "HOME": str(tmp_path),
    }
    for code in (
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_outliers.py", "tasks/outliers.py"],
        ["-m", "ruff", "check", "tasks", "flows", "schemas", "tests/test_outliers.py"],
        ["-c", night],
    ):
        done = subprocess.run(
            [sys.executable, *code],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert str(tmp_path) in done.stdout
    assert "outliers 2026-01-31" in done.stdout + done.stderr
