"""The worked example of docs/contracts.md is true, and its tables name what there is."""

import re
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from config.definition_files import parse_definition
from config.settings import read_settings
from schemas.night import Night
from segmentation.parts import read_part
from segmentation.schema_code import read_source_of
from tasks.ingest import ingest
from tasks.summarise import summarise

PAGE = (Path(__file__).parents[1] / "docs" / "contracts.md").read_text(encoding="utf-8")


def read_block(language: str, number: int = 0) -> str:
    """A code block of the page."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return blocks[number]


def test_the_example_refuses_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's definition and schema refuse the page's rows for the page's reasons."""
    monkeypatch.setenv("RESEGMENT_ALLOW_SCHEMAS", "1")
    monkeypatch.setenv("RESEGMENT_DEFINITIONS", str(tmp_path))
    read_settings.cache_clear()
    (tmp_path / "shop_rules.py").write_text(read_block("python"))
    (tmp_path / "orders.csv").write_text(read_block("text", -2))
    definition = parse_definition(read_block("yaml", -1), "shop.yaml")
    night = Night(
        run_id="page",
        definition=definition,
        as_of=date(2026, 1, 31),
        source=str(tmp_path / "orders.csv"),
        store=tmp_path / "store",
        force=False,
        schema_source=read_source_of(definition.rows),
    )
    customers = summarise(night, ingest(night))
    refused = pd.concat([read_part(part).to_pandas() for part in customers.quarantine])
    lines = sorted(refused["customer_id"] + "  " + refused["reasons"])
    assert lines == read_block("text", -1).splitlines()
