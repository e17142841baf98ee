"""Two editions side by side: parameters, data, code, environment, metrics and segments that differ.

Everything is read from their manifests and profiles. The table is rendered in resegment/editions.py.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from schemas.manifest import Manifest
from segmentation.parts import read_table
from segmentation.store.catalogue.editions import Edition
from segmentation.store.edition.manifests import check_file
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import edition_folder

Facts = Mapping[str, Mapping[str, Any]]  # by part, then by name
METRICS = ("inertia", "k", "how", "trained", "wanted_k", "wanted_nights", "decision")


class Difference(NamedTuple):
    """A fact that differs between two editions. None: that edition does not have it."""

    part: str
    fact: str
    old: Any
    new: Any

    def to_dict(self) -> dict[str, Any]:
        """For `resegment diff --json`, whose keys scripts rely on."""
        return {"part": self.part, "what": self.fact, "before": self.old, "after": self.new}


def format_fact(value: object) -> str:
    """A fact's value as text; a dash for one that the edition does not have."""
    if value is None:
        return "-"
    # bool first, since it is an int in Python.
    if isinstance(value, bool | str):
        return str(value)
    return f"{value:,.6g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else "…"


def diff_editions(
    home: AnyPath, old: Edition, new: Edition, new_home: AnyPath | None = None
) -> list[Difference]:
    """All differences, part by part. new_home: the home of `new`, if it is in another store."""
    return diff_facts(collect_facts(home, old), collect_facts(new_home or home, new))


def diff_facts(old: Facts, new: Facts) -> list[Difference]:
    """The facts that differ, by part. Both have the same parts."""
    return [
        Difference(part, fact, old[part].get(fact), new[part].get(fact))
        for part in old
        for fact in sorted({*old[part], *new[part]})
        if old[part].get(fact) != new[part].get(fact)
    ]


def collect_facts(home: AnyPath, edition: Edition) -> Facts:
    """The facts of an edition by part: flat names and plain values."""
    manifest = edition.manifest
    content = manifest.model_dump(mode="json")
    churn = manifest.churn.model_dump() if manifest.churn else {}
    return {
        "parameters": dict(flatten(manifest.definition)),
        "data": {
            "as_of": content["as_of"],
            "previous edition": manifest.previous,
            "tombstones": manifest.tombstones,
            **{f"name of {segment_id}": name for segment_id, name in manifest.given_names.items()},
            **list_input_digests(manifest),
            **{f"rows {name}": count for name, count in flatten(content["rows"])},
        },
        "code": {"sources": manifest.code} if manifest.code else {},
        "versions": manifest.versions,
        "environment": manifest.environment,
        "metrics": {
            **{name: content[name] for name in METRICS},
            **{f"drift {name}": value for name, value in manifest.drift.items()},
            **{f"churn {name}": count for name, count in churn.items()},
            **{
                f"check {check.name}": "passed" if check.passed else check.finding
                for check in manifest.checks
            },
        },
        "segments": {
            **{f"{segment_id} customers": size for segment_id, size in manifest.sizes.items()},
            **read_centres(edition_folder(home, edition.as_of, edition.edition)),
        },
    }


def list_input_digests(manifest: Manifest) -> dict[str, str]:
    """The digest of each input: of a file's bytes by its name, else of all typed rows."""
    return {f"input {source.label}": source.sha256[:16] for source in manifest.inputs}


def read_centres(folder: AnyPath) -> dict[str, float]:
    """Centres in original units, by segment and feature. Refused if profiles.parquet is damaged."""
    columns = ["segment_id", "feature", "centre"]
    rows = read_table(check_file(folder, "profiles.parquet"), columns).to_pylist()
    return {f"{row['segment_id']} {row['feature']}": row["centre"] for row in rows}


def flatten(value: object, name: str = "") -> Iterator[tuple[str, Any]]:
    """Nested keys as `a.b.c`, list items by number.

    >>> dict(flatten({"k": {"min": 2}, "ks": [3, 5]}))
    {'k.min': 2, 'ks.1': 3, 'ks.2': 5}
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from flatten(inner, f"{name}.{number}" if name else str(number))
    else:
        yield name, value
