"""Everything the report shows about one night: the stages' records, and tables computed from them.

Nothing here reads a file. Texts and views are in the modules of the sections.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from schemas.draft import EditionDraft
from schemas.night import Night
from schemas.numbers import ColumnScale
from schemas.verdicts import Verdict
from schemas.words import Words
from segmentation.report.formatting import format_amount, format_share
from segmentation.report.tables.description_table import RuleMatches
from segmentation.report.tables.points import Points, Projection
from segmentation.report.tables.rfm_averages import RfmMeasures
from segmentation.report.words.segment_order import order_segments
from segmentation.report.words.traits import Trait

STATISTICS = (
    "centre",
    "scaled_centre",
    "mean",
    "median",
    "lift",
    "difference",
    "typical",
    "typical_overall",
    "contrast",
)


class ReportContext(NamedTuple):
    """What the sections show. statistics: one table per name in STATISTICS, segments by features."""

    night: Night
    draft: EditionDraft
    verdict: Verdict
    statistics: dict[str, pd.DataFrame]
    descriptions: pd.DataFrame
    words: Words
    rule_matches: RuleMatches
    traits: dict[str, Trait]
    history: pd.DataFrame
    trends: pd.DataFrame
    value_feature: str | None
    points: Points
    projection: Projection | None
    levels: pd.DataFrame | None = None
    alternatives: pd.DataFrame | None = None
    rfm: RfmMeasures | None = None

    @property
    def segment_ids(self) -> list[str]:
        """The segments, in order."""
        return [segment.segment_id for segment in self.draft.aligned.fitted.segments]

    @property
    def sizes(self) -> list[int]:
        """Customers of each segment, in the same order."""
        return [segment.size for segment in self.draft.aligned.fitted.segments]

    @property
    def total(self) -> int:
        """All customers in segments."""
        return sum(self.sizes)

    @property
    def value_sums(self) -> np.ndarray | None:
        """The value feature's sum in each segment (k,); None without a value feature."""
        if self.value_feature is None or self.value_feature not in self.traits:
            return None
        sums: np.ndarray = self.statistics["mean"][self.value_feature].to_numpy() * np.array(self.sizes)
        return sums

    @property
    def reading_order(self) -> list[int]:
        """Positions of the segments in the order in which the page shows them."""
        return order_segments(self.segment_ids, self.value_sums, self.sizes)

    @property
    def names(self) -> dict[str, str]:
        """Names by segment: the one that people gave it, else the factual one as the start of a line."""
        return {
            segment_id: self.given_names.get(segment_id) or name[:1].upper() + name[1:]
            for segment_id, name in self.factual_names.items()
        }

    @property
    def factual_names(self) -> dict[str, str]:
        """Factual names by segment."""
        columns = (self.descriptions["segment_id"], self.descriptions["name"])
        return {str(segment_id): str(name) for segment_id, name in zip(*columns, strict=True)}

    @property
    def given_names(self) -> dict[str, str]:
        """Names that people gave and that hold for this date, by segment; also of segments that are gone."""
        return self.draft.ingested.key.given_names

    @property
    def units(self) -> dict[str, str]:
        """Units by feature."""
        return {encoding.name: encoding.unit for encoding in self.draft.scaled.encodings}

    @property
    def features(self) -> list[str]:
        """The numeric features that vary: what segments can differ in."""
        return [column.feature for column in self.draft.scaled.columns if not column.excluded]

    def get_scale(self, feature: str) -> ColumnScale:
        """How a feature was scaled."""
        return next(column for column in self.draft.scaled.columns if column.feature == feature)

    def largest_differences(self, features: Sequence[str]) -> np.ndarray:
        """Each feature's largest difference from the average in any segment, in standard deviations (d,)."""
        largest: np.ndarray = self.statistics["difference"][list(features)].abs().max().to_numpy()
        return largest

    def label(self, feature: str) -> str:
        """The feature, or the label that the definition gives it, and its unit: `spend (EUR)`."""
        column = self.night.definition.customer_columns.get(feature)
        label = column.label if column and column.label else feature
        return f"{label} ({self.units[feature]})" if self.units[feature] else label

    def label_column(self, name: str) -> str:
        """A feature or profile column by its label, with its unit as declared."""
        column = self.night.definition.customer_columns[name]
        label = column.label or name
        return f"{label} ({column.unit})" if column.unit else label

    def format_mean(self, feature: str, mean: float, with_unit: bool = True) -> str:
        """A mean with as many decimals as the largest mean of any segment has."""
        trait = self.traits[feature]
        if trait.is_indicator or trait.levels:
            return self.format_value(feature, mean, with_unit)
        largest = float(self.statistics["mean"][feature].abs().max())
        return format_amount(mean, self.units[feature] if with_unit else "", largest)

    def format_value(self, feature: str, value: float, with_unit: bool = True) -> str:
        """A share for an indicator, the number and name of a level, or a number with its unit."""
        trait = self.traits[feature]
        if trait.is_indicator:
            return format_share(value)
        if trait.levels and np.isfinite(value):
            # A mean of ranks is rarely whole, so the nearest level names it.
            rank = min(max(round(value), 0), len(trait.levels) - 1)
            return f"{format_amount(value)} ({trait.levels[rank]})"
        return format_amount(value, self.units[feature] if with_unit else "")


def pivot_statistics(profiles: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Each statistic of the profiles as a table of segments by features, both in their order."""
    segment_ids, features = profiles["segment_id"].unique(), profiles["feature"].unique()
    return {
        statistic: profiles.pivot(index="segment_id", columns="feature", values=statistic).reindex(
            segment_ids, columns=features
        )
        for statistic in STATISTICS
    }
