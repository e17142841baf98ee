"""Two editions side by side: parameters, data, versions, metrics and segments that differ.

Everything is read from their manifests and profiles. How the table looks is
resegment/editions.py's.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from segmentation.store.editions import Edition
from segmentation.store.layout import edition_folder
from segmentation.store.objects import AnyPath

METRICS = ("inertia", "k", "how", "trained", "wanted_k", "wanted_nights", "decision")


class Difference(NamedTuple):
    """One fact that the two editions do not share. None: the one edition has no such fact."""

    part: str
    what: str
    before: Any
    after: Any


def find_differences(
    home: AnyPath, before: Edition, after: Edition, elsewhere: Path | None = None
) -> list[Difference]:
    """All that differs, part by part; empty for an edition and itself. elsewhere: the home of `after`."""
    sides = [gather_facts(home, before), gather_facts(elsewhere or home, after)]
    return [
        Difference(part, what, *values)
        for part in sides[0]
        for what in sorted({*sides[0][part], *sides[1][part]})
        if (values := [side[part].get(what) for side in sides])[0] != values[1]
    ]


def gather_facts(home: AnyPath, one: Edition) -> dict[str, dict[str, Any]]:
    """The facts of an edition by part: flat names and plain values."""
    manifest = one.manifest.model_dump(mode="json")
    rows = manifest["rows"]
    return {
        "parameters": dict(flatten(manifest["definition"])),
        "data": {
            "as_of": manifest["as_of"],
            "previous edition": manifest["previous"],
            **name_inputs(manifest),
            **{f"rows {name}": count for name, count in flatten(rows)},
        },
        "versions": manifest["versions"],
        "metrics": {
            **{name: manifest.get(name) for name in METRICS},
            **{f"drift {name}": value for name, value in manifest["drift"].items()},
            **{f"churn {name}": count for name, count in (manifest["churn"] or {}).items()},
            **{
                f"check {one['name']}": "passed" if one["passed"] else one["found"]
                for one in manifest["checks"]
            },
        },
        "segments": {
            **{f"{name} customers": size for name, size in manifest["sizes"].items()},
            **read_centres(edition_folder(home, one.as_of, one.edition)),
        },
    }


def name_inputs(manifest: dict[str, Any]) -> dict[str, str]:
    """The digest of each input: a file's bytes by its name, else all typed rows."""
    return {f"input {one['name'] or 'rows'}": one["sha256"][:16] for one in manifest["inputs"]}


def read_centres(folder: AnyPath) -> dict[str, float]:
    """Centres in original units, by segment and feature; empty where profiles.parquet cannot be read."""
    try:
        with (folder / "profiles.parquet").open("rb") as file:
            rows = (
                pq.ParquetFile(file)
                .read(columns=["segment_id", "feature", "centre"], use_threads=False)
                .to_pylist()
            )
    except (OSError, ValueError, KeyError):
        return {}
    return {f"{row['segment_id']} {row['feature']}": row["centre"] for row in rows}


def flatten(value: object, name: str = "") -> Iterator[tuple[str, Any]]:
    """Nested keys as `a.b.c`; lists by their numbers."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from flatten(inner, f"{name}.{number}" if name else str(number))
    else:
        yield name, value
