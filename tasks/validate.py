"""Stage validate: an edition's segments judged by its customers' outcomes, and the result in the store.

Outcomes are read by the stages ingest and summarise, as of the end of the horizon. The figures are computed
in segmentation/outcomes/.
"""

import io
from datetime import timedelta

import numpy as np
import pyarrow.parquet as pq

from config.definition import Definition
from schemas.fields import checked_table
from schemas.manifest import EditionRef, Manifest
from schemas.night import Night
from schemas.rows import Customers
from schemas.validation import Validated, Validation
from schemas.validation_table import VALIDATION
from schemas.wording import choose_verb, format_count
from segmentation.errors import Refused
from segmentation.identity.join import read_published
from segmentation.outcomes.divisions import read_divisions
from segmentation.outcomes.groupings import choose_cell_features
from segmentation.outcomes.judging import JudgedEdition, judge_measures, tabulate_outcomes
from segmentation.outcomes.outcome_night import (
    derive_definition,
    get_outcome,
    make_outcome_night,
)
from segmentation.outcomes.outcome_sample import EditionColumns, OutcomeTable, join_outcomes
from segmentation.report.index.index_refresh import refresh_index
from segmentation.rows.summarising.freshness import infer_newest_day
from segmentation.store.catalogue.published import published_editions
from segmentation.store.edition.descriptions import read_factual_names
from segmentation.store.edition.manifests import read_manifest
from segmentation.store.files.durable import write_durably
from segmentation.store.layout import SEGMENTS, edition_folder, get_home
from segmentation.store.validations import VALIDATION_TABLE, validation_folder, write_validation
from tasks.runtime.stage import stage

INCOMPLETE = "outcome-incomplete"  # refusal code: the date's horizon is not over
UNKNOWN = "outcome-unknown"  # refusal code: too few of the date's customers have an outcome
LEAST_CUSTOMERS = 20


def list_complete_editions(night: Night, today: str) -> list[EditionRef]:
    """Published editions whose horizon has ended by the calendar, newest first."""
    days = timedelta(days=get_outcome(night.definition).days or 0)
    editions = published_editions(get_home(night))
    return [ref for ref in reversed(editions) if str(ref.as_of + days) <= today]


def check_horizon(night: Night, customers: Customers) -> None:
    """Refuse outcomes of a horizon whose last days are missing: they would be too small."""
    outcome_night = make_outcome_night(night)
    newest = infer_newest_day(outcome_night.definition, customers.ingested, outcome_night.as_of)
    slack = night.definition.checks.max_staleness_days
    last = outcome_night.as_of - timedelta(days=1)
    is_dated = night.definition.outcome is not None and night.definition.outcome.days is not None
    if newest is not None and is_dated and newest < last - timedelta(days=slack):
        raise Refused(
            INCOMPLETE,
            f"the outcome of {night.as_of} needs rows up to {last}, and the newest row is of {newest}; "
            f"expected one of at most {format_count(slack, 'day')} earlier. Validate an earlier date, "
            "or wait for the rows",
        )


def list_cell_features(manifest: Manifest, definition: Definition) -> list[str]:
    """The features of quintile cells, as far as the edition has them."""
    columns = set(manifest.definition.get("features", ()))
    return [name for name in choose_cell_features(definition) if name in columns]


@stage("validate {night.as_of}")
def validate_edition(night: Night, edition: str, customers: Customers) -> Validated:
    """Judge the date's edition by the outcomes, and store the result. customers: of the outcome's night."""
    check_horizon(night, customers)
    home, definition = get_home(night), night.definition
    folder = edition_folder(home, night.as_of, edition)
    manifest = read_manifest(folder)
    features = list_cell_features(manifest, definition)
    columns = EditionColumns(features, read_divisions(folder, manifest))
    table = OutcomeTable(customers.parts, derive_definition(definition).features, get_outcome(definition))
    rows = read_published(folder / SEGMENTS, columns.list_names())
    sample = join_outcomes(rows, table, columns, manifest.rows.customers)
    is_known = np.isfinite(sample.outcomes).all(axis=1)
    if (known := int(is_known.sum())) < LEAST_CUSTOMERS:
        raise Refused(
            UNKNOWN,
            f"{format_count(known, 'customer')} of the edition of {night.as_of} "
            f"{choose_verb(known, 'has', 'have')} an outcome; expected at least {LEAST_CUSTOMERS}. "
            "Are their ids written in the same way?",
        )
    names = read_factual_names(folder)
    by_id = {key: names.get(key, key) for key in manifest.sizes}
    judged = JudgedEdition(definition, by_id, features, columns.divisions.ks)
    validation = Validation(
        name=definition.name,
        as_of=night.as_of,
        edition=edition,
        until=make_outcome_night(night).as_of,
        days=get_outcome(definition).days or 0,
        customers=manifest.rows.customers,
        drawn=len(is_known),
        unknown=int((~is_known).sum()),
        measures=judge_measures(sample, judged),
    )
    return store_validation(night, validation)


def store_validation(night: Night, validation: Validation) -> Validated:
    """Write table and record next to the editions, and the index that links to them."""
    home = get_home(night)
    path = validation_folder(home, night.as_of) / VALIDATION_TABLE
    buffer = io.BytesIO()
    pq.write_table(checked_table(tabulate_outcomes(validation.measures), VALIDATION), buffer)
    write_durably(path, buffer.getvalue())
    # Last: a reader that sees it sees the table too.
    json_path = write_validation(home, validation)
    warning = refresh_index(home)
    return Validated(
        validation=validation,
        table_path=str(path),
        json_path=str(json_path),
        warnings=(warning,) if warning else (),
    )
