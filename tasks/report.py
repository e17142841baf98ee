"""Stage report: the small tables and the page that people read.

What the page says is segmentation/sections.py's, who the segments are profiles.py's and describing.py's;
nothing is decided here.
"""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from schemas.evidence import Choice
from schemas.fields import checked_table
from schemas.identity import Aligned, Memory
from schemas.records import Customers, Night, Part, Reported, Scaled
from schemas.tables import DESCRIPTIONS, PROFILES, SWEEP
from schemas.verdicts import Verdict
from segmentation.describing import Described, describe_segments
from segmentation.factual_names import make_traits
from segmentation.figures import draw_elbow, draw_points, draw_scatter
from segmentation.page import Figure, label, paragraph, render
from segmentation.parts import name_part, start_folder
from segmentation.profiles import Labelled, profile_segments
from segmentation.sections import (
    sweep_rows,
    tell_changes,
    tell_choice,
    tell_evidence,
    tell_quality,
    tell_run,
    tell_segments,
)
from tasks.artifacts import show_changes
from tasks.options import stage


def draw_customers(night: Night, scaled: Scaled, aligned: Aligned) -> tuple[str, Figure]:
    """The three-dimensional scatter, and what it shows."""
    pairs = [Labelled(*pair) for pair in zip(scaled.numbers, aligned.fitted.parts, strict=True)]
    varying = [one for one in scaled.columns if not one.aside]
    varying.sort(key=lambda one: one.transform == "one-hot")  # 0/1 numbers only where there is nothing else
    shown = [one.feature for one in varying][:3]
    matrix, labels = draw_points(pairs, shown, night.segmentation.seed)
    ids = [segment.segment_id for segment in aligned.fitted.segments]
    said = f"{matrix.shape[1]:,} customers drawn by the seed, by {', '.join(shown)}."
    return said, Figure("customers", draw_scatter(matrix, labels, ids, shown), 560)


def write_small(folder: Path, profiles: pd.DataFrame, descriptions: pd.DataFrame, choice: Choice) -> None:
    """The tables of a few rows each."""
    for frame, contract, name in (
        (profiles, PROFILES, "profiles"),
        (descriptions, DESCRIPTIONS, "descriptions"),
        (sweep_rows(choice), SWEEP, "sweep"),
    ):
        types = {column: "str" for column, of in contract.columns.items() if str(of.dtype) == "str"}
        pq.write_table(checked_table(frame.astype(types), contract), folder / f"{name}.parquet")


@stage("report {night.as_of}")
def report(
    night: Night,
    customers: Customers,
    scaled: Scaled,
    choice: Choice,
    aligned: Aligned,
    memory: Memory,
    verdict: Verdict,
) -> Reported:
    """Profiles, descriptions, the sweep's table, and the page."""
    fitted, segmentation = aligned.fitted, night.segmentation
    folder = start_folder(night.staging / "report")
    pairs = [Labelled(*pair) for pair in zip(scaled.numbers, fitted.parts, strict=True)]
    units = {one.name: one.unit for one in scaled.encodings}
    profiles = profile_segments(pairs, scaled.columns, fitted.segments, units)
    traits = make_traits(segmentation, scaled.encodings)
    descriptions = describe_segments(
        Described(pairs, fitted.segments, profiles), scaled.columns, traits, segmentation.seed
    )
    write_small(folder, profiles, descriptions, choice)

    title = f"{segmentation.name}, {night.as_of}: {choice.k} segments"
    state = "" if verdict.may_publish else f"Held, not live: {'; '.join(verdict.reasons)}"
    said, scatter = draw_customers(night, scaled, aligned)
    page = render(
        title,
        [
            f"<h1>{label(title)}</h1>",
            paragraph(segmentation.description),
            paragraph(f"{customers.customers:,} customers in {choice.k} segments.", "lead"),
            *([paragraph(state, "held")] if state else []),
            *tell_segments(profiles, descriptions, scaled.columns),
            *tell_changes(aligned, memory),
            "<h2>Customers by segment</h2>",
            paragraph(said),
            scatter,
            "<h2>Why this k</h2>",
            *tell_choice(choice),
            Figure("elbow", draw_elbow(choice), 380),
            tell_evidence(choice),
            *tell_quality(customers, verdict),
            *tell_run(night, scaled, choice, fitted),
        ],
    )
    (folder / "report.html").write_bytes(page)
    show_changes(night, aligned, memory)
    named: dict[str, Part] = {
        name: name_part(folder / file, rows)
        for name, file, rows in (
            ("profiles", "profiles.parquet", len(profiles)),
            ("descriptions", "descriptions.parquet", len(descriptions)),
            ("sweep", "sweep.parquet", len(choice.curve)),
            ("html", "report.html", 1),
        )
    }
    return Reported(**named)
