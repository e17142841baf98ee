"""Trying a whole proposed definition as a night would: files, window, duplicates, currencies, refused days.

The contract of customer data is tried, while their id is chosen, in segmentation/proposing/rehearsing.py.
Nothing is written.
"""

from collections import Counter
from datetime import date
from typing import NamedTuple

from config.definition import Definition
from schemas.breakdown import Breakdown
from segmentation.checks.refusals import lost_most_rows
from segmentation.keys import hash_texts
from segmentation.proposing.limits import round_limit
from segmentation.proposing.rehearsing import check_used_rows
from segmentation.proposing.sketches import NO_VALUES, Distinct, merge_sketches, sketch
from segmentation.proposing.surveying import SurveyedTable
from segmentation.rows.judging.cast_batch import Contract, make_contract, with_currencies
from segmentation.rows.judging.currencies import (
    CurrencyCounts,
    add_currencies,
    check_currencies,
    list_currency_rules,
)
from segmentation.rows.judging.deliveries import Deliveries, counts_twice
from segmentation.rows.judging.judged_batches import judge_files
from segmentation.rows.judging.refused_value import list_amounts
from segmentation.rows.judging.row_counts import make_count_rules
from segmentation.rows.judging.sketches import choose_share
from segmentation.rows.judging.source_counts import SourceCounts
from segmentation.sources.content import SourceFile
from segmentation.sources.copied_files import refuse_copies
from segmentation.sources.dated_names import Span
from segmentation.sources.listing import covered_days

USUAL_DAY_LIMIT = 0.5  # checks.max_quarantined_day where nothing is said
_DAY_LIMITS = (USUAL_DAY_LIMIT, 0.6, 0.7, 0.8, 0.9, 1.0)


class NightRehearsal(NamedTuple):
    """Rows within the window, refused rows by reason, customers, and the refused share of days and value.

    warnings: about rows that may have been delivered twice.
    """

    rows_read: int
    refused: Counter[str]
    customers: Distinct
    breakdown: Breakdown
    warnings: list[str]

    @property
    def refused_share(self) -> float:
        """Share of the rows within the window that are refused."""
        return self.refused.total() / self.rows_read

    @property
    def limit(self) -> float:
        """checks.max_quarantined: rows and value are both below."""
        values = [amount.share for amount in self.breakdown.amounts]
        return round_limit(max([self.refused_share, *values]))

    @property
    def day_limit(self) -> float | None:
        """checks.max_quarantined_day: no day or file exceeds it. None if no limit lets all days pass."""
        usual = self.breakdown.usual_without_id
        for limit in _DAY_LIMITS:
            groups = self.breakdown.groups
            if not any(lost_most_rows(group, usual.get(group.kind, 0), limit) for group in groups):
                return limit
        return None


def rehearse_night(definition: Definition, table: SurveyedTable, as_of: date) -> NightRehearsal:
    """Judge every row as the night of `as_of` would. Refused if it would refuse the source."""
    files = list_opened(definition, table, as_of)
    inputs = [file.input for file in files]
    twice = counts_twice(definition.rows)
    if twice:
        refuse_copies([file.name for file in inputs], definition.source.date_in_name)
    contract = _make_contract(definition, table, files, as_of)
    if twice:
        contract = contract._replace(sketched=choose_share(files))
    rows_read, refused = 0, Counter[str]()
    customers = NO_VALUES
    deliveries, currencies, counts = Deliveries(inputs), CurrencyCounts(), SourceCounts(inputs)
    for batch in judge_files(files, contract):
        rows_read += batch.good.num_rows + batch.refused.num_rows
        refused += batch.reasons
        if batch.sketch is not None:
            deliveries.add(batch.sketch)
        add_currencies(currencies, batch.currencies)
        if batch.counts is not None:
            counts.add(batch.counts, batch.sums)
        if batch.good.num_rows:
            # Merged at once, so that memory stays bounded.
            ids = hash_texts(batch.good["customer_id"].combine_chunks())
            customers = merge_sketches(customers, sketch(ids))
    check_used_rows(rows_read, refused)
    warnings = deliveries.check_repeats(definition)
    check_currencies(currencies, contract.currencies)
    names = [amount.name for amount in contract.amounts]
    return NightRehearsal(rows_read, refused, customers, counts.break_down(names), warnings)


def list_opened(definition: Definition, table: SurveyedTable, as_of: date) -> list[SourceFile]:
    """The files that the night would open: of dated ones, those whose days meet the window."""
    window = definition.window(as_of)
    if window is None:
        return table.files
    days = [covered_days(file.input.name, definition.source) for file in table.files]
    return [
        file
        for file, span in zip(table.files, days, strict=True)
        if span is None or span.meets(Span(*window))
    ]


def _make_contract(
    definition: Definition, table: SurveyedTable, files: list[SourceFile], as_of: date
) -> Contract:
    window = definition.window(as_of)
    contract = make_contract(definition.rows, definition, window)
    contract = with_currencies(contract, list_currency_rules(definition, table.header, files))
    # A single file is named by the definition itself, so its name says nothing about its days.
    names = [""] if table.date_in_name is None and len(files) == 1 else [file.input.name for file in files]
    counted = make_count_rules(definition, window, names)
    return contract._replace(counted=counted, amounts=list_amounts(definition))
