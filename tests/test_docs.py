"""The documents are true: every key, column, command and link in them is checked against the code."""

import re
from pathlib import Path

import yaml
from pydantic import BaseModel

from config.aliases import Aliases
from config.attributes import Attributes
from config.clauses import (
    CategoryOptions,
    CheckLimits,
    FitOptions,
    KOptions,
    RefitOptions,
    Retention,
    ScalingOptions,
)
from config.column_contract import Column, Fill
from config.columns import Rows
from config.comparisons import RowComparison
from config.conditions import ColumnCondition, RowRule
from config.definition import Definition
from config.event_summary import EventSummary, SummaryFeature
from config.groups import GroupOptions, NewCustomers
from config.outcome import Outcome
from config.rfm import RfmColumns
from config.sources import Csv, Source
from schemas.alternatives import ALTERNATIVES
from schemas.comparison import COMPARISON
from schemas.fields import arrow_schema
from schemas.identity_tables import CHANGES, CONTESTED, HISTORY, LINEAGE, MIGRATION, TRENDS
from schemas.known_table import KNOWN
from schemas.levels import LEVELS
from schemas.tables import DESCRIPTIONS, PROFILES, QUARANTINE, SWEEP, segments_schema
from schemas.validation_table import VALIDATION
from segmentation.store.edition.versions import LIBRARIES
from segmentation.store.layout import SUMS
from tests.conftest import Command

ROOT = Path(__file__).parents[1]
SECTIONS: dict[str, type[BaseModel]] = {
    "": Definition, "source.": Source, "source.csv.": Csv, "rows.": Rows, "rows.columns.NAME.": Column,
    "rows.columns.NAME.fill.": Fill, "categories.": CategoryOptions,
    "rows.where.": RowRule, "summary.": EventSummary, "summary.features.NAME.": SummaryFeature,
    "summary.features.NAME.where.": ColumnCondition,
    "scaling.": ScalingOptions, "k.": KOptions, "fit.": FitOptions, "refit.": RefitOptions,
    "attributes.": Attributes, "aliases.": Aliases,
    "groups.": GroupOptions, "groups.new.": NewCustomers, "rfm.": RfmColumns,
    "checks.": CheckLimits, "retention.": Retention, "outcome.": Outcome,
}  # fmt: skip


# Entries of a section with keys of their own.
MORE_KEYS: list[tuple[str, type[BaseModel]]] = [("rows.where.", RowComparison)]


def read(name: str) -> str:
    """A document's text."""
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_key_of_a_definition_is_described() -> None:
    """docs/definition.md has each key with the description that the code has, and no other key."""
    described = dict(
        re.findall(r"^\| `([\w.]+)` \|[^|]*\| (.*) \|$", read("docs/definition.md"), re.MULTILINE)
    )
    expected = {
        prefix + (field.alias or name): field.description
        for prefix, model in [*SECTIONS.items(), *MORE_KEYS]
        for name, field in model.model_fields.items()
    }
    values = {"rows.on_duplicate", "scaling", "k.rule"}  # also in the table of values
    assert described.keys() == expected.keys()
    assert {k: v for k, v in described.items() if k not in values} == {
        k: v for k, v in expected.items() if k not in values
    }


def test_the_example_definitions_are_the_shipped_ones() -> None:
    """The definitions shown in docs/definition.md are the ones that are shipped."""
    blocks = re.findall(r"```yaml\n(.*?)```", read("docs/definition.md"), re.DOTALL)
    for name in ("shop", "online-retail"):
        assert read(f"config/segmentations/{name}.yaml") in blocks


def test_every_column_of_the_outputs_is_described() -> None:
    """docs/outputs.md has each column with its type, nullability and description."""
    text = read("docs/outputs.md")
    shop = Definition.model_validate(yaml.safe_load(read("config/segmentations/shop.yaml")))
    for schema in (
        segments_schema(shop),
        PROFILES,
        DESCRIPTIONS,
        LEVELS,
        SWEEP,
        ALTERNATIVES,
        QUARANTINE,
        COMPARISON,
        LINEAGE,
        MIGRATION,
        CHANGES,
        CONTESTED,
        HISTORY,
        TRENDS,
        KNOWN,
        VALIDATION,
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


def test_the_readme_shows_commands_that_exist(main_command: Command) -> None:
    """Each resegment command of the README has a help page, and its own definition example is accepted."""
    text = read("README.md")
    for name in set(re.findall(r"\.venv/bin/resegment ([\w-]+)", text)):
        assert main_command(name, "--help").returncode == 0
    block = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert block is not None
    Definition.model_validate(yaml.safe_load(block[1]))
    targets = re.findall(r"^(\w+):", read("Makefile"), re.MULTILINE)
    assert set(re.findall(r"\$ make (\w+)", text)) <= set(targets)


def test_no_pinned_library_is_missing_from_the_manifest() -> None:
    """Libraries whose versions the manifest names are the project's own dependencies."""
    assert all(f'"{name}' in read("pyproject.toml") for name in LIBRARIES)
