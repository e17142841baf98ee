"""Names and rules over the nights of one model: learnt once, kept in model.json, measured every night."""

import json
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from schemas.clustering import Segment
from schemas.model import Model
from schemas.night import Published
from schemas.numbers import ColumnScale
from schemas.words import NamePart
from segmentation.report.labelled_parts import LabelledMatrix
from segmentation.report.words.learning import LearningNight, SegmentFacts, resolve_words
from segmentation.report.words.traits import make_number
from segmentation.report.words.typical_figures import Figures, Statistics
from tests.nights import FOUR, create_town, draw_customers


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> list[Published]:
    """Two nights of one model: customers come and go."""
    town = create_town(tmp_path_factory.mktemp("town"))
    second = draw_customers({**FOUR, "b": 125, "c": 113})
    return [town.night(1, draw_customers(FOUR)), town.night(2, second)]


def read_words(published: Published) -> Model:
    """The model of an edition."""
    return Model.model_validate_json((Path(published.report_path).parent / "model.json").read_bytes())


def describe(published: Published) -> pd.DataFrame:
    """The edition's descriptions."""
    return pd.read_parquet(Path(published.report_path).parent / "descriptions.parquet").set_index(
        "segment_id"
    )


def test_names_and_rules_hold_still(nights: list[Published]) -> None:
    """Over the nights of one model every segment has one name and one rule; only their measures change."""
    models, tables = [read_words(night) for night in nights], [describe(night) for night in nights]
    assert models[0].words == models[1].words
    for table in tables[1:]:
        pd.testing.assert_frame_equal(
            table[["name", "rule", "rule_sql"]], tables[0][["name", "rule", "rule_sql"]]
        )
    assert tables[0]["name"].is_unique


def test_sql_has_the_precision_and_recall_that_are_shown(nights: list[Published]) -> None:
    """Run on segments.parquet, each rule's SQL selects the customers that the page counts."""
    for night in nights:
        for segment_id, row in describe(night).iterrows():
            table = pd.read_parquet(night.segments_path)
            selected = duckdb.sql(f'SELECT {row["rule_sql"]} AS chosen FROM "table"').df()  # noqa: S608
            is_match, is_in = selected["chosen"] == segment_id, table["segment_id"] == segment_id
            assert (is_match & is_in).sum() / is_match.sum() == pytest.approx(
                row["rule_precision"], rel=1e-11
            )
            assert (is_match & is_in).sum() / is_in.sum() == pytest.approx(row["rule_recall"], rel=1e-11)


def test_an_earlier_model_without_words_is_read(nights: list[Published]) -> None:
    """Its file is written again with the same bytes, without a key for words."""
    content = json.loads((Path(nights[0].report_path).parent / "model.json").read_text())
    assert content.pop("words")["as_of"] == "2026-01-01"
    model = Model.model_validate(content)
    assert model.words is None
    assert "words" not in model.model_dump()


def make_facts(means: list[float]) -> SegmentFacts:
    """Segments of 50 customers each with these means of one feature."""
    column = ColumnScale(
        feature="spend", transform="standard", shift=0, scale=1, weight=1, excluded=False, reason=""
    )
    figures = Figures(np.array(means)[:, None], np.array([float(np.mean(means))]))
    segments = [
        Segment(segment_id=f"S{i:02d}", size=50, share=1 / len(means), centre=(mean,))
        for i, mean in enumerate(means, start=1)
    ]
    return SegmentFacts(
        segments, [column], Statistics(figures, figures), {"spend": make_number("spend")}, {"spend": ""}
    )


def draw_sample() -> LabelledMatrix:
    """100 customers in two segments, around 10 and 30."""
    values = np.concatenate([np.linspace(5, 15, 50), np.linspace(25, 35, 50)])
    return LabelledMatrix(values[None], np.repeat([0, 1], 50))


def read_no_sample() -> LabelledMatrix:
    """Fails: no customers are read while a model is used."""
    raise AssertionError("the words are learnt already")


def test_words_are_kept_until_a_name_is_untrue() -> None:
    """A segment whose figure crosses everyone's gets another name, with the reason; its rule stays."""
    words = resolve_words(make_facts([10.0, 30.0]), LearningNight(None, date(2026, 1, 1)), draw_sample)
    assert [segment.name for segment in words.segments] == [
        (NamePart(feature="spend", grade=-1),),
        (NamePart(feature="spend", grade=1),),
    ]
    night = LearningNight(words, date(2026, 1, 2))
    assert resolve_words(make_facts([12.0, 28.0]), night, read_no_sample) is words
    renamed = resolve_words(make_facts([31.0, 9.0]), night, read_no_sample)
    assert [segment.name[0].grade for segment in renamed.segments] == [1, -1]
    assert [segment.rule for segment in renamed.segments] == [segment.rule for segment in words.segments]
    assert renamed.reason == "names were chosen again on 2026-01-02: S01 was low spend; S02 was high spend"


def test_words_of_a_model_without_any_are_learnt_once() -> None:
    """A model of an earlier version gets words on the next night, of that night's date."""
    words = resolve_words(make_facts([10.0, 30.0]), LearningNight(None, date(2026, 1, 9)), draw_sample)
    assert words.as_of == date(2026, 1, 9)
    assert [len(segment.rule) for segment in words.segments] == [1, 1]
