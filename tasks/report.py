"""Stage report: the small tables and the page that people read.

What the page says is in segmentation/report/sections/. Nothing is decided here.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pandera.pandas as pa
import pyarrow.parquet as pq

from config.definition import Definition
from schemas.alternatives import ALTERNATIVES
from schemas.clustering import Scaled, Segment
from schemas.draft import EditionDraft, Reported
from schemas.fields import checked_table
from schemas.identity_tables import HISTORY, TRENDS
from schemas.levels import LEVELS
from schemas.night import Night
from schemas.part import Part
from schemas.tables import DESCRIPTIONS, PROFILES, SWEEP
from schemas.verdicts import Verdict
from schemas.words import Words
from segmentation.identity.segment_history import (
    append_tonight,
    extend_history,
    read_segment_history,
    tonight_rows,
)
from segmentation.identity.segment_trends import read_segment_trends, select_tonight_trends
from segmentation.parts import create_empty_folder, make_part, read_part, to_matrix
from segmentation.report.context import ReportContext, pivot_statistics
from segmentation.report.labelled_parts import LabelledPart
from segmentation.report.report_page import render_report
from segmentation.report.sections.scatter import MAX_FEATURES
from segmentation.report.tables.alternatives_table import Naming, PublishedDivision, tabulate_alternatives
from segmentation.report.tables.description_table import (
    DescriptionInputs,
    RuleMatches,
    describe_segments,
    draw_rule_sample,
)
from segmentation.report.tables.level_table import tabulate_levels
from segmentation.report.tables.points import Points, Projection, draw_stratified_points, project_points
from segmentation.report.tables.profile_table import measure_segments, tabulate_profiles
from segmentation.report.tables.rfm_averages import RfmMeasures, measure_rfm
from segmentation.report.tables.sweep_table import tabulate_sweep
from segmentation.report.words.learning import LearningNight, SegmentFacts, resolve_words
from segmentation.report.words.traits import Trait, build_traits
from segmentation.report.words.typical_figures import measure_typical
from segmentation.report.words.value_feature import infer_value_feature
from segmentation.store.files.objects import AnyPath, parse_path
from tasks.runtime.stage import stage

MOST_DRAWN = 200  # features of drawn customers, 8 MB


def project_customers(scaled: Scaled, points: Points) -> Projection | None:
    """The plane in which customers differ most; None without points, or if features were left out."""
    varying = [column for column in scaled.columns if not column.excluded]
    if list(points.features) != [column.feature for column in varying] or not points.labels.size:
        return None
    sample = to_matrix(read_part(scaled.sample.uniform)).T
    return project_points(points, varying, sample)


def choose_drawn_features(scaled: Scaled, profiles: pd.DataFrame) -> list[str]:
    """The features to draw: all that vary, or those in which segments differ most."""
    varying = [column.feature for column in scaled.columns if not column.excluded]
    if len(varying) <= MOST_DRAWN:
        return varying
    size = profiles.assign(size=profiles["difference"].abs()).groupby("feature")["size"].max()[varying]
    largest = set(size.sort_values(ascending=False, kind="stable").index[:MAX_FEATURES])
    return [feature for feature in varying if feature in largest]


def sum_values(night: Night, segments: Sequence[Segment], profiles: pd.DataFrame) -> list[float | None]:
    """The value feature's sum in each segment; None without a value feature."""
    rows = profiles[profiles["feature"] == infer_value_feature(night.definition)]
    means = rows.set_index("segment_id")["mean"]
    return [float(means[segment.segment_id]) * segment.size if len(means) else None for segment in segments]


def get_continued_folder(draft: EditionDraft) -> AnyPath | None:
    """The previous edition, whose history and trends go on; None if they begin tonight."""
    folder = draft.previous.folder
    return None if folder is None or draft.ingested.key.starts_history else parse_path(str(folder))


def continue_history(draft: EditionDraft, tonight: pd.DataFrame) -> pd.DataFrame:
    """The rows of history.parquet: those of the previous edition, if it has any, and tonight's."""
    folder, churn = get_continued_folder(draft), draft.aligned.churn
    earlier = None if folder is None else read_segment_history(folder)
    return extend_history(earlier, tonight, churn.moved_share if churn else None)


def continue_trends(draft: EditionDraft, tonight: pd.DataFrame) -> pd.DataFrame:
    """The rows of trends.parquet: those of the previous edition, if it has any, and tonight's."""
    folder = get_continued_folder(draft)
    return append_tonight(None if folder is None else read_segment_trends(folder), tonight)


def pair_with_labels(parts: Sequence[Part], draft: EditionDraft) -> list[LabelledPart]:
    """Parts of tonight's customers, each with its labels."""
    return [LabelledPart(*pair) for pair in zip(parts, draft.aligned.fitted.parts, strict=True)]


def count_profile(definition: Definition, draft: EditionDraft) -> pd.DataFrame | None:
    """The rows of levels.parquet; None without a profile."""
    if not definition.profile:
        return None
    pairs = pair_with_labels(draft.customers.parts, draft)
    return tabulate_levels(definition, pairs, draft.aligned.fitted.segments)


def score_segments(definition: Definition, draft: EditionDraft) -> RfmMeasures | None:
    """The cut points and average RFM scores; None without `rfm`."""
    if definition.rfm is None:
        return None
    pairs = pair_with_labels(draft.customers.parts, draft)
    return measure_rfm(pairs, definition.rfm, len(draft.aligned.fitted.segments))


def get_words(draft: EditionDraft) -> Words | None:
    """The words of the previous model while it is used; None for a new model, or one that has no words."""
    is_same = draft.aligned.fitted.method == "scored"
    return draft.previous.model.words if is_same and draft.previous.model else None


def write_small_table(folder: Path, name: str, frame: pd.DataFrame, contract: pa.DataFrameSchema) -> Part:
    """A table of a few rows, checked against its contract."""
    types = {name: "str" for name, column in contract.columns.items() if str(column.dtype) == "str"}
    path = folder / f"{name}.parquet"
    pq.write_table(checked_table(frame.astype(types), contract), path)
    return make_part(path, len(frame))


class NightTexts(NamedTuple):
    """The model's words, and the rows of profiles.parquet and descriptions.parquet that follow from them."""

    words: Words
    profiles: pd.DataFrame
    descriptions: pd.DataFrame
    matches: RuleMatches
    traits: dict[str, Trait]


def describe(night: Night, draft: EditionDraft, pairs: Sequence[LabelledPart]) -> NightTexts:
    """Measure the segments, take the model's words or learn them, and measure those."""
    definition, scaled, segments = night.definition, draft.scaled, draft.aligned.fitted.segments
    units = {encoding.name: encoding.unit for encoding in scaled.encodings}
    traits = build_traits(definition, scaled.encodings)
    measures = measure_segments(pairs, scaled.columns, segments)
    facts = SegmentFacts(segments, scaled.columns, measures.statistics, traits, units)
    words = resolve_words(
        facts,
        LearningNight(get_words(draft), night.as_of),
        partial(draw_rule_sample, pairs, [*units], definition.seed),
    )
    typical = measure_typical(words.figures, measures.statistics, scaled.columns)
    descriptions, matches = describe_segments(
        DescriptionInputs(pairs, segments, words, scaled.encodings, traits)
    )
    profiles = tabulate_profiles(measures, typical, segments, units)
    return NightTexts(words, profiles, descriptions, matches, traits)


def tabulate_divisions(
    draft: EditionDraft, texts: NightTexts, values: Sequence[float | None]
) -> pd.DataFrame:
    """The rows of alternatives.parquet."""
    scaled = draft.scaled
    units = {encoding.name: encoding.unit for encoding in scaled.encodings}
    naming = Naming(scaled.columns, texts.words.figures, texts.traits, units)
    names = list(texts.descriptions["name"])
    division = PublishedDivision(draft.aligned.fitted.segments, names, values)
    return tabulate_alternatives(draft.choice, draft.look.candidates, naming, division)


@stage("report {night.as_of}")
def report(night: Night, draft: EditionDraft, verdict: Verdict) -> Reported:
    """Write profiles, descriptions, history, the sweep's table, and the page."""
    definition, scaled, choice = night.definition, draft.scaled, draft.choice
    segments = draft.aligned.fitted.segments
    folder = create_empty_folder(night.staging / "report")
    pairs = pair_with_labels(scaled.numbers, draft)
    texts = describe(night, draft, pairs)
    profiles, descriptions = texts.profiles, texts.descriptions
    values = sum_values(night, segments, profiles)
    tonight = tonight_rows(night.as_of, segments, list(descriptions["name"]), values)
    history = continue_history(draft, tonight)
    trends = continue_trends(draft, select_tonight_trends(night.as_of, profiles))
    levels, rfm = count_profile(definition, draft), score_segments(definition, draft)
    alternatives = tabulate_divisions(draft, texts, values)
    sizes = [segment.size for segment in segments]
    points = draw_stratified_points(pairs, choose_drawn_features(scaled, profiles), sizes, definition.seed)
    context = ReportContext(
        night=night,
        draft=draft,
        verdict=verdict,
        statistics=pivot_statistics(profiles),
        descriptions=descriptions,
        words=texts.words,
        rule_matches=texts.matches,
        traits=texts.traits,
        history=history,
        trends=trends,
        value_feature=infer_value_feature(definition),
        points=points,
        projection=project_customers(scaled, points),
        levels=levels,
        alternatives=alternatives,
        rfm=rfm,
    )
    page = folder / "report.html"
    page.write_bytes(render_report(context))
    return Reported(
        profiles=write_small_table(folder, "profiles", profiles, PROFILES),
        descriptions=write_small_table(folder, "descriptions", descriptions, DESCRIPTIONS),
        words=texts.words,
        sweep=write_small_table(folder, "sweep", tabulate_sweep(choice), SWEEP),
        alternatives=write_small_table(folder, "alternatives", alternatives, ALTERNATIVES),
        history=write_small_table(folder, "history", history, HISTORY),
        trends=write_small_table(folder, "trends", trends, TRENDS),
        levels=None if levels is None else write_small_table(folder, "levels", levels, LEVELS),
        rfm=rfm.cuts if rfm else None,
        html=make_part(page, 1),
    )
