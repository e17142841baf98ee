"""Profiles, compared with pandas' groupby."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from schemas.clustering import Segment
from schemas.numbers import ColumnScale, Transform
from segmentation.features.transforms import to_original
from segmentation.model import read_model
from segmentation.parts import write_part
from segmentation.report.labelled_parts import LabelledPart, read_labelled_part
from segmentation.report.tables.profile_table import (
    align_scaled_centres,
    compute_medians,
    measure_segments,
    tabulate_profiles,
)
from segmentation.report.words.typical_figures import choose_figures, measure_typical
from tests.nights import FOUR, create_town, draw_customers, read

UNITS = {"a": "EUR", "b": ""}


def scale_of(feature: str, transform: Transform) -> ColumnScale:
    """A scaled column of the given transform."""
    return ColumnScale(
        feature=feature, transform=transform, shift=1.0, scale=2.0, weight=1.0, excluded=False, reason=""
    )


def write_labelled_parts(folder: Path, frame: pd.DataFrame, cuts: list[int]) -> list[LabelledPart]:
    """Customers and labels of a frame with columns a, b and label, cut into parts."""
    parts = []
    for i, piece in enumerate(np.split(np.arange(len(frame)), cuts)):
        rows = frame.iloc[piece]
        customers = pa.table({"customer_id": [str(j) for j in piece], "a": rows["a"], "b": rows["b"]})
        labels = pa.table({"label": rows["label"].astype("int32")})
        parts.append(
            LabelledPart(
                write_part(folder / f"c{i}.parquet", customers), write_part(folder / f"l{i}.parquet", labels)
            )
        )
    return parts


def segments_of(frame: pd.DataFrame) -> list[Segment]:
    """The segments of the labels, in order."""
    sizes = frame["label"].value_counts().sort_index()
    return [
        Segment(segment_id=f"S{i + 1:02d}", size=int(n), share=n / len(frame), centre=(float(i), -1.5))
        for i, n in sizes.items()
        if isinstance(i, int)
    ]


def compute_profiles(
    parts: list[LabelledPart], scales: list[ColumnScale], segments: list[Segment]
) -> pd.DataFrame:
    """The rows of profiles.parquet, with figures chosen from all customers."""
    measures = measure_segments(parts, scales, segments)
    sample = np.concatenate([read_labelled_part(part, ["a", "b"]).matrix for part in parts], axis=1)
    figures = choose_figures(scales, [False, False], sample, measures.statistics)
    return tabulate_profiles(measures, measure_typical(figures, measures.statistics, scales), segments, UNITS)


@pytest.fixture
def frame() -> pd.DataFrame:
    """1,000 customers of three segments, `a` heavy-tailed, `b` with ties and negatives."""
    random = np.random.default_rng(9)
    return pd.DataFrame(
        {
            "a": random.lognormal(3, 1, 1000),
            "b": random.integers(-5, 5, 1000),
            "label": np.append(random.integers(0, 3, 997), [0, 1, 2]),
        }
    )


def test_profiles_agree_with_a_groupby(tmp_path: Path, frame: pd.DataFrame) -> None:
    """Mean, lower median, geometric centre and lift of all customers."""
    parts = write_labelled_parts(tmp_path, frame, [1, 400])
    scales = [scale_of("a", "log-standard"), scale_of("b", "standard")]
    profiles = compute_profiles(parts, scales, segments_of(frame))
    rows = {(row["segment_id"], row["feature"]): row for row in profiles.to_dict("records")}
    for label, group in frame.groupby("label"):
        name = f"S{int(str(label)) + 1:02d}"
        for feature in ("a", "b"):
            row = rows[name, feature]
            assert row["mean"] == pytest.approx(group[feature].mean())
            assert row["median"] == group[feature].quantile(0.5, interpolation="lower")
            assert row["lift"] == pytest.approx(group[feature].mean() / frame[feature].mean())
            assert row["size"] == len(group)
        assert rows[name, "a"]["centre"] == pytest.approx(np.exp(np.log1p(group["a"]).mean()) - 1)
        assert rows[name, "b"]["centre"] == pytest.approx(group["b"].mean())
    assert profiles["unit"].tolist() == ["EUR", ""] * 3
    assert profiles["scaled_centre"].tolist() == [0.0, -1.5, 1.0, -1.5, 2.0, -1.5]


def test_half_of_the_customers_with_nothing_are_below_everyone(tmp_path: Path, frame: pd.DataFrame) -> None:
    """Everyone's median is then the lowest value, so means are compared, and nobody is near 0."""
    frame["label"] = np.arange(1000) % 2
    frame.loc[frame["label"] == 0, "a"] = 0.0
    frame.loc[:1, "a"] = [-1.0, 0.0]
    profiles = compute_profiles(
        write_labelled_parts(tmp_path, frame, [500]),
        [scale_of("a", "standard"), scale_of("b", "standard")],
        segments_of(frame),
    )
    givers = profiles[profiles["feature"] == "a"].set_index("segment_id")
    assert set(givers["statistic"]) == {"mean"}
    contrasts = givers["contrast"].to_dict()
    assert contrasts["S01"] < -0.3 < 0.3 < contrasts["S02"]


def test_scaled_centres_are_of_features_that_count(frame: pd.DataFrame) -> None:
    """An excluded feature has none, and the next feature keeps its own."""
    segments = [segment.model_copy(update={"centre": (7.0,)}) for segment in segments_of(frame)]
    scales = [scale_of("a", "standard").model_copy(update={"excluded": True}), scale_of("b", "standard")]
    centres = align_scaled_centres(segments, scales)
    assert np.isnan(centres[:, 0]).all() and centres[:, 1].tolist() == [7.0] * 3


@pytest.mark.slow
def test_scaled_centres_are_the_models(tmp_path: Path) -> None:
    """After a fit the original centre is the scaled one turned back; a later night keeps the scaled one."""
    town = create_town(tmp_path)
    nights = [town.night(1, draw_customers(FOUR)), town.night(2, draw_customers({**FOUR, "a": 140}))]
    first, second = (read(night, "profiles.parquet") for night in nights)
    model = read_model(Path(nights[0].report_path).with_name("model.json"))
    scaled = first.pivot(index="segment_id", columns="feature", values="scaled_centre")
    features = [column.feature for column in model.columns]
    assert np.array_equal(scaled[features].to_numpy(), model.centre_matrix())
    centres = first.pivot(index="segment_id", columns="feature", values="centre")[features]
    assert np.allclose(centres, to_original(model.centre_matrix(), model.columns), rtol=1e-4)
    assert second["scaled_centre"].equals(first["scaled_centre"])
    assert not second["centre"].equals(first["centre"])
    page = Path(nights[0].report_path).read_text()
    details = page[page.index("Centres, scaled and original") :].split("</details>")[0]
    assert "Centres in scaled units" in details and f"<td>{scaled['spend'].iloc[0]:.5g}</td>" in details


def test_the_typical_figure_is_a_median_where_values_are_skewed(tmp_path: Path, frame: pd.DataFrame) -> None:
    """Words follow one figure: its contrast has the sign of the difference that readers see."""
    frame.loc[frame["label"] == 2, "a"] *= 4
    parts = write_labelled_parts(tmp_path, frame, [300])
    profiles = compute_profiles(
        parts, [scale_of("a", "log-standard"), scale_of("b", "standard")], segments_of(frame)
    )
    for row in profiles.to_dict("records"):
        assert row["statistic"] == ("median" if row["feature"] == "a" else "mean")
        assert row["typical"] == pytest.approx(row[row["statistic"]])
        whole = frame[row["feature"]]
        expected = whole.quantile(0.5, interpolation="lower") if row["feature"] == "a" else whole.mean()
        assert row["typical_overall"] == pytest.approx(expected)
        assert np.sign(row["contrast"]) == np.sign(row["typical"] - row["typical_overall"])


def test_a_feature_that_is_mostly_zero_shows_its_mean(tmp_path: Path, frame: pd.DataFrame) -> None:
    """Medians of 0 in every segment would hide what the segments differ in."""
    frame["a"] = (np.arange(1000) % 10 == 0) * (1.0 + 20 * (frame["label"] == 1))
    parts = write_labelled_parts(tmp_path, frame, [])
    profiles = compute_profiles(
        parts, [scale_of("a", "log-standard"), scale_of("b", "standard")], segments_of(frame)
    )
    rows = profiles[profiles["feature"] == "a"]
    assert set(rows["statistic"]) == {"mean"}
    assert (
        (rows["contrast"] > 0).tolist()
        == (rows["typical"] > rows["typical_overall"]).tolist()
        == [False, True, False]
    )


def test_profiles_do_not_depend_on_parts(tmp_path: Path, frame: pd.DataFrame) -> None:
    """The same customers, cut into other parts, have the same profiles."""
    scales = [scale_of("a", "log-standard"), scale_of("b", "none")]
    tables = []
    for cuts in ([], [10, 20, 900]):
        folder = tmp_path / str(len(cuts))
        folder.mkdir()
        tables.append(compute_profiles(write_labelled_parts(folder, frame, cuts), scales, segments_of(frame)))
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)


def test_lift_of_a_feature_with_mean_zero_is_null(tmp_path: Path) -> None:
    """The overall mean is the denominator of the lift."""
    frame = pd.DataFrame({"a": [1.0, -1.0], "b": [2, 2], "label": [0, 1]})
    scales = [scale_of("a", "none"), scale_of("b", "none")]
    profiles = compute_profiles(write_labelled_parts(tmp_path, frame, []), scales, segments_of(frame))
    assert profiles.loc[profiles["feature"] == "a", "lift"].isna().all()
    assert profiles.loc[profiles["feature"] == "b", "lift"].tolist() == [1.0, 1.0]


def test_median_of_an_empty_segment_is_an_error(tmp_path: Path, frame: pd.DataFrame) -> None:
    """A segment without customers has no median: IndexError instead of a wrong number."""
    parts = write_labelled_parts(tmp_path, frame, [])
    with pytest.raises(IndexError):
        compute_medians(parts, ["a"], np.array([(frame["label"] == i).sum() for i in range(4)]))
