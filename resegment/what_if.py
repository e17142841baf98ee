"""The command `resegment what-if`: the segments of every number of segments that a night tried, side by side.

Its rows are an edition's alternatives.parquet, from segmentation/report/tables/alternatives_table.py.
"""

import json
from typing import TYPE_CHECKING

import typer

from resegment.arguments import locate_edition, resolve_home
from resegment.options import EditionDateOption, EditionIdOption, JsonOption, NameArgument, StoreOption
from resegment.terminal import print_table
from segmentation.errors import Refused
from segmentation.store.files.objects import AnyPath

if TYPE_CHECKING:
    import pandas as pd

    from segmentation.report.sections.alternatives import Alternative

what_if_app = typer.Typer()

COLUMNS = ("k", "", "segment", "customers", "share", "value", "stability", "outcome")
RIGHT_ALIGNED = (0, 3, 4, 5)


@what_if_app.command(
    "what-if", epilog="Examples: resegment what-if shop; resegment what-if shop --as-of 2026-01-31 --json"
)
def what_if_command(
    name: NameArgument,
    as_of: EditionDateOption = None,
    edition: EditionIdOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare every number of segments that a night tried: names, sizes, value, stability and outcome.

    Nothing is fitted: the divisions are those that the edition's k was chosen from. The outcome is what
    'resegment validate' found for this edition or, until that is known, what its page shows.
    """
    from segmentation.report.sections.alternatives import view_divisions
    from segmentation.store.edition.manifests import read_manifest
    from segmentation.store.validations import read_validation

    home = resolve_home(name, store)
    day, folder = locate_edition(home, as_of, edition)
    manifest, validation = read_manifest(folder), read_validation(home, day)
    if validation is None or validation.edition != folder.name:
        validation = manifest.validation
    divisions = view_divisions(read_alternatives(folder), validation, manifest.given_names)
    judged_on = str(validation.as_of) if validation is not None else None
    if as_json:
        content = [
            {**division._asdict(), "segments": [segment._asdict() for segment in division.segments]}
            for division in divisions
        ]
        facts = {
            "as_of": str(day),
            "measured_on": str(manifest.measured_on or day),
            "why": manifest.why_k,
            "judged_on": judged_on,
            "divisions": content,
        }
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return

    rows = [row for division in divisions for row in list_division_rows(division)]
    # Without a value feature or an outcome, their columns would be empty.
    filled = [i for i in range(len(COLUMNS)) if any(row[i] for row in rows)]
    right = [place for place, i in enumerate(filled) if i in RIGHT_ALIGNED]
    print_table([COLUMNS[i] for i in filled], [[row[i] for i in filled] for row in rows], right)
    typer.echo(f"Why k = {manifest.k}: {'; '.join(manifest.why_k)}")
    if manifest.measured_on not in (None, day):
        typer.echo(
            f"Every k was last measured on {manifest.measured_on}. This edition's own segments are of {day}."
        )
    if any(division.outcome for division in divisions):
        typer.echo(f"The outcome is that of the divisions tried on {judged_on}.")
    typer.echo("To have one of these every night, set k.fixed with k.rule: fixed, or a range: k.min, k.max.")


def list_division_rows(division: "Alternative") -> list[tuple[str, ...]]:
    """The division's rows, one for each segment. Facts about the whole division are in the first."""
    rows = []
    for i, segment in enumerate(division.segments):
        first = [str(division.k), "this edition" if division.is_published else ""] if i == 0 else ["", ""]
        last = [division.stability, division.outcome] if i == 0 else ["", ""]
        name = " ".join(filter(None, (segment.segment_id, segment.name)))
        rows.append((*first, name, f"{segment.size:,}", segment.share, segment.value, *last))
    return rows


def read_alternatives(folder: AnyPath) -> "pd.DataFrame":
    """An edition's alternatives.parquet. Refused for an edition of an earlier version, which has none."""
    from segmentation.parts import read_table
    from segmentation.store.edition.manifests import check_file

    if not (folder / "alternatives.parquet").is_file():
        raise Refused(
            "no-alternatives",
            f"the edition of {folder.parent.name} has no alternatives.parquet: an earlier version of "
            "Resegment made it; name a newer edition with --as-of, or run tonight's",
        )
    path = check_file(folder, "alternatives.parquet")
    try:
        table: pd.DataFrame = read_table(path).to_pandas()
        return table
    except (OSError, ValueError):
        raise Refused("edition", f"{folder} has damaged alternatives; see 'resegment audit'") from None
