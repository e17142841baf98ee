"""The section "How it was made": parameters, scaling, inputs and versions, and how to rebuild the edition.

Nothing here depends on the clock or the machine, so a rebuild makes the same page. The ledger has both.
"""

import json
from datetime import date
from typing import NamedTuple

from schemas.clustering import Sample
from schemas.wording import format_count
from segmentation.report.context import ReportContext
from segmentation.report.figure import Table
from segmentation.store.edition.source_digest import compute_source_digest
from segmentation.store.edition.versions import list_versions

MAX_INPUTS = 400  # manifest.json lists all
DIGESTED = {
    "bytes": "the file's bytes",
    "rows": "its typed rows",
    "history": "events before the window",
}


class MakingView(NamedTuple):
    """What templates/sections/making.html.j2 shows."""

    rebuild_command: str
    facts: Table
    scaling: Table
    inputs: Table
    input_count: str
    unlisted_inputs: str
    versions: Table
    definition: str


def view_making(context: ReportContext) -> MakingView:
    """The view of how the edition was made."""
    definition = context.night.definition
    digests = context.draft.ingested.digests
    inputs = [[digest.label, DIGESTED[digest.of], digest.sha256] for digest in digests]
    unlisted = max(0, len(inputs) - MAX_INPUTS)
    versions = list(list_versions().items())
    return MakingView(
        rebuild_command=f"resegment rebuild {definition.name} --as-of {context.night.as_of}",
        facts=Table("Facts of the run", ["Fact", "Value"], list_facts(context), is_text=True),
        scaling=tabulate_scaling(context),
        inputs=Table("Inputs", ["Input", "Digest of", "sha256"], inputs[:MAX_INPUTS], is_text=True),
        input_count=f"{len(inputs):,}",
        unlisted_inputs=f"{unlisted:,}" if unlisted else "",
        versions=Table("Versions", ["Package", "Version"], versions, is_text=True),
        definition=json.dumps(definition.decisive_content(), indent=1, ensure_ascii=False),
    )


def tabulate_scaling(context: ReportContext) -> Table:
    """How each feature was scaled, and why."""
    scaled, weights = context.draft.scaled, context.night.definition.weights
    rows = [
        [
            column.feature,
            "excluded" if column.excluded else column.transform,
            f"{weights.get(encoding.column, 1.0):.4g}",
            column.reason,
        ]
        for encoding, column in zip(scaled.encodings, scaled.columns, strict=True)
    ]
    return Table("Scaling", ["Feature", "Transform", "Weight", "Why"], rows, is_text=True)


def describe_sample(sample: Sample, measured_on: date | None) -> str:
    """`1,511 rows, exact`, or that no model was fitted."""
    if sample.file is None:
        return f"none, k was measured on {measured_on}"
    return f"{format_count(sample.file.rows, 'row')}, {'exact' if sample.exact else 'coreset'}"


def list_facts(context: ReportContext) -> list[list[object]]:
    """Parameters and results, name and value."""
    definition, choice, fitted = context.night.definition, context.draft.choice, context.draft.aligned.fitted
    key, value = context.draft.ingested.key, context.value_feature
    return [
        ["Edition", key.edition],
        ["Previous edition", f"{key.previous} of {key.previous_as_of}" if key.previous else "none"],
        ["As of", f"{context.night.as_of}, time zone {definition.timezone}"],
        ["k", f"{choice.k}: {'; '.join(choice.reasons)}"],
        ["Model", f"{fitted.method}: {'; '.join(fitted.reasons)}; trained on {fitted.training.as_of}"],
        ["Inertia", f"{fitted.inertia:.6g} after {format_count(fitted.passes, 'pass')} over all customers"],
        ["Sweep sample", describe_sample(context.draft.scaled.sample, choice.measured_on)],
        ["Value", f"{value}, summed by segment" if value else "no feature measures value"],
        ["Seed", definition.seed],
        ["Code", f"{compute_source_digest()}, the digest of the sources that made it"],
    ]
