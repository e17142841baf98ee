"""Nights of planted customers, run without a server. Tests decide who is in which group on which night.

A group is a cloud around a centre in two features, so the segments are known in advance.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.nights import run_night
from config.definition import Definition
from config.definition_files import read_definition
from schemas.night import Night, Published

FIRST = date(2026, 1, 1)
CENTRES = {
    "a": (100.0, 10.0),
    "b": (300.0, 10.0),
    "c": (100.0, 30.0),
    "d": (300.0, 30.0),
    "e": (500.0, 50.0),
    "f": (345.0, 30.0),  # close to d: one segment with it, unless k says otherwise
}
FOUR = {"a": 150, "b": 130, "c": 110, "d": 90}
PLAN: dict[str, Any] = {
    "name": "planted",
    "source": {"path": "customers.csv"},
    "rows": {"id": "id", "columns": {"spend": {"type": "float"}, "visits": {"type": "float"}}},
    "features": ["spend", "visits"],
    "k": {"min": 1, "max": 6},
}


class Town(NamedTuple):
    """A store, a folder for inputs, and the definition."""

    folder: Path
    definition: Definition

    @property
    def store(self) -> Path:
        """The store."""
        return self.folder / "store"

    @property
    def home(self) -> Path:
        """The segmentation's folder in it."""
        return self.store / self.definition.name

    def copy_to(self, folder: Path) -> "Town":
        """The same town in another folder, so that one test's nights leave the next test's alone."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return self._replace(folder=folder)

    def night(self, number: int, customers: pd.DataFrame) -> Published:
        """Run the night of that number, 1 for the first, on these customers."""
        source = self.folder / f"night-{number}.csv"
        customers.to_csv(source, index=False)
        return self.run(number, source)

    def run(
        self,
        number: int,
        source: Path,
        *,
        force: bool = False,
        accept_new_ids: bool = False,
        publisher: str = "",
    ) -> Published:
        """Run the night of that number on a file. Runs at the same time need different publishers."""
        return run_night(
            Night(
                run_id=f"night-{number}-{len(list(self.store.glob('*/ledger/*')))}{publisher}",
                definition=self.definition,
                as_of=day(number),
                source=str(source),
                store=self.store,
                force=force,
                accept_new_ids=accept_new_ids,
            )
        )


def run_definition(file: Path, as_of: date, store: Path) -> Published:
    """Run the night of a definition's file."""
    definition = read_definition(file)
    return run_night(
        Night(run_id="night", definition=definition, as_of=as_of, source=None, store=store, force=False)
    )


def create_town(folder: Path, **changes: Any) -> Town:
    """A town with the definition PLAN and these changes."""
    return Town(folder, Definition.model_validate({**PLAN, **changes}))


def day(number: int) -> date:
    """The date of a night."""
    return FIRST + timedelta(days=number - 1)


def draw_group(name: str, rows: range, seed: int = 0) -> pd.DataFrame:
    """Customers c00000… of one group. Each has the same place in the cloud in every draw."""
    centre = np.array(CENTRES[name])
    noise = np.random.default_rng([seed, ord(name)]).normal(0, (12, 1.2), (max(rows.stop, 1), 2))
    values = centre + noise[rows.start : rows.stop]
    return pd.DataFrame(
        {
            "id": [f"{name}{row:05d}" for row in rows],
            "spend": values[:, 0].round(3),
            "visits": values[:, 1].round(3),
        }
    )


def draw_customers(sizes: Mapping[str, int]) -> pd.DataFrame:
    """Customers of several groups: `sizes` by group."""
    return pd.concat([draw_group(name, range(size)) for name, size in sizes.items()], ignore_index=True)


def read(published: Published, file: str = "segments.parquet") -> pd.DataFrame:
    """A table of the edition that a night made."""
    return pd.read_parquet(Path(published.report_path).parent / file)


def segment_of(published: Published, group: str) -> str:
    """The segment that most of a group's customers are in."""
    table = read(published)
    ids = table.loc[table["customer_id"].str.startswith(group), "segment_id"]
    return str(ids.mode().iloc[0])


def events(published: Published) -> set[tuple[str, str | None, str | None]]:
    """The lineage: event, last night's segment, tonight's."""
    lineage = read(published, "lineage.parquet").astype(object)
    lineage = lineage.where(lineage.notna(), None)
    return set(zip(lineage["event"], lineage["from_segment_id"], lineage["segment_id"], strict=True))


def files(published: Published, but: Sequence[str] = ()) -> dict[str, bytes]:
    """The edition's files, byte by byte."""
    folder = Path(published.report_path).parent
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in but}


def manifest(published: Published) -> dict[str, Any]:
    """The edition's manifest."""
    content: dict[str, Any] = json.loads((Path(published.report_path).parent / "manifest.json").read_text())
    return content


def ids(published: Published) -> pd.Series:
    """Segment by customer."""
    return read(published).set_index("customer_id")["segment_id"]
