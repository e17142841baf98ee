"""Stage report: the small tables and the page that people read.

What the page says is in segmentation/report/headline.py, cards.py and the other modules of its sections;
nothing is decided here.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
import pyarrow.parquet as pq

from schemas.evidence import Choice
from schemas.fields import checked_table
from schemas.identity import Aligned, Memory
from schemas.identity_tables import HISTORY
from schemas.records import Customers, Ingested, Night, Part, Reported, Scaled, Segment
from schemas.tables import DESCRIPTIONS, PROFILES, SWEEP
from schemas.verdicts import Verdict
from segmentation.identity.chronicle import carry_on, read_chronicle, tell_tonight
from segmentation.parts import name_part, read_part, start_folder, to_matrix
from segmentation.report.cards import tell_segments
from segmentation.report.describing import Described, describe_segments
from segmentation.report.evidence import tell_evidence
from segmentation.report.factual_names import make_traits
from segmentation.report.headline import tell_end, tell_top
from segmentation.report.movements import tell_changes
from segmentation.report.page import Figure, render
from segmentation.report.past import tell_past
from segmentation.report.points import Projection, draw_strata, project
from segmentation.report.portraits import tell_profiles
from segmentation.report.profiles import Labelled, profile_segments
from segmentation.report.scatter import MOST_FEATURES, tell_customers
from segmentation.report.sections import sweep_rows, tell_making, tell_quality
from segmentation.report.story import Story, widen
from segmentation.report.value import find_value
from segmentation.store.objects import as_place
from tasks.runtime.artifacts import show_changes
from tasks.runtime.stage import stage

MOST_DRAWN = 200  # features of drawn customers, 8 MB


def tell_all(story: Story) -> list[str | Figure]:
    """The page, section by section."""
    return [
        *tell_top(story),
        *tell_segments(story),
        *tell_changes(story),
        *tell_past(story),
        *tell_profiles(story),
        *tell_customers(story, find_plane(story)),
        *tell_evidence(story),
        *tell_quality(story),
        *tell_making(story),
        "</main>",
        *tell_end(story),
    ]


def find_plane(story: Story) -> Projection | None:
    """The plane in which customers differ most, of the evenly drawn ones; None where there is none."""
    varying = [one for one in story.scaled.columns if not one.aside]
    if list(story.points.features) != [one.feature for one in varying] or not story.points.labels.size:
        return None
    even = to_matrix(read_part(story.scaled.sample.even)).T
    return project(story.points, varying, even)


def choose_features(scaled: Scaled, profiles: pd.DataFrame) -> list[str]:
    """The features that are drawn: all that vary, or those in which segments differ most."""
    varying = [one.feature for one in scaled.columns if not one.aside]
    if len(varying) <= MOST_DRAWN:
        return varying
    apart = profiles.assign(apart=profiles["difference"].abs()).groupby("feature")["apart"].max()[varying]
    kept = set(apart.sort_values(ascending=False, kind="stable").index[:MOST_FEATURES])
    return [one for one in varying if one in kept]


def sum_values(night: Night, segments: Sequence[Segment], profiles: pd.DataFrame) -> list[float | None]:
    """The value feature's sum in each segment; None without one."""
    means = profiles[profiles["feature"] == find_value(night.segmentation)].set_index("segment_id")["mean"]
    return [float(means[one.segment_id]) * one.size if len(means) else None for one in segments]


def make_history(aligned: Aligned, memory: Memory, tonight: pd.DataFrame) -> pd.DataFrame:
    """The rows of history.parquet: those of the edition before, if there is one, and tonight's."""
    before = None if memory.folder is None else read_chronicle(as_place(memory.folder))
    return carry_on(before, tonight, aligned.churn.moved_share if aligned.churn else None)


def write_small(folder: Path, tables: dict[str, tuple[pd.DataFrame, pa.DataFrameSchema]]) -> dict[str, Part]:
    """The tables of a few rows each, by name."""
    parts = {}
    for name, (frame, contract) in tables.items():
        types = {column: "str" for column, of in contract.columns.items() if str(of.dtype) == "str"}
        path = folder / f"{name}.parquet"
        pq.write_table(checked_table(frame.astype(types), contract), path)
        parts[name] = name_part(path, len(frame))
    return parts


@stage("report {night.as_of}")
def report(
    night: Night,
    rows: Ingested,
    customers: Customers,
    scaled: Scaled,
    choice: Choice,
    aligned: Aligned,
    memory: Memory,
    verdict: Verdict,
) -> Reported:
    """Profiles, descriptions, history, the sweep's table, and the page."""
    fitted, segmentation = aligned.fitted, night.segmentation
    folder = start_folder(night.staging / "report")
    pairs = [Labelled(*pair) for pair in zip(scaled.numbers, fitted.parts, strict=True)]
    units = {one.name: one.unit for one in scaled.encodings}
    profiles = profile_segments(pairs, scaled.columns, fitted.segments, units)
    traits = make_traits(segmentation, scaled.encodings)
    descriptions = describe_segments(
        Described(pairs, fitted.segments, profiles), scaled.columns, traits, segmentation.seed
    )
    values = sum_values(night, fitted.segments, profiles)
    tonight = tell_tonight(night.as_of, fitted.segments, list(descriptions["name"]), values)
    history = make_history(aligned, memory, tonight)
    features = choose_features(scaled, profiles)
    points = draw_strata(pairs, features, [one.size for one in fitted.segments], segmentation.seed)
    story = Story(
        night, rows, customers, scaled, choice, aligned, memory, verdict,
        widen(profiles), descriptions, traits, history, find_value(segmentation), points,
    )  # fmt: skip
    page = folder / "report.html"
    page.write_bytes(render(f"{segmentation.name}, {night.as_of}: {choice.k} segments", tell_all(story)))
    show_changes(night, aligned, memory)
    tables = {
        "profiles": (profiles, PROFILES),
        "descriptions": (descriptions, DESCRIPTIONS),
        "sweep": (sweep_rows(choice), SWEEP),
        "history": (history, HISTORY),
    }
    return Reported(**write_small(folder, tables), html=name_part(page, 1))
