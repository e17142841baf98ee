"""The report's last sections, for who makes the nights: data quality, checks, and how the edition was made.

HTML is segmentation/report/page.py's; the other sections have modules of their own.
"""

import json

import numpy as np
import pandas as pd

from schemas.evidence import Choice
from schemas.tables import SWEEP
from segmentation.k.choosing import log_inertia
from segmentation.report.headline import open_section
from segmentation.report.page import Markup, details, paragraph, table, text
from segmentation.report.quantities import share
from segmentation.report.story import Story
from segmentation.store.versions import list_versions

MOST_INPUTS = 400  # listed; the manifest has them all


def sweep_rows(choice: Choice) -> pd.DataFrame:
    """The rows of sweep.parquet."""
    inertia = np.array([point.inertia for point in choice.curve])
    k = np.array([point.k for point in choice.curve])
    measured = pd.DataFrame([one.model_dump(exclude={"silhouettes", "jaccard"}) for one in choice.measures])
    measured["jaccard"] = [min(one.jaccard, default=np.nan) for one in choice.measures]
    curve = pd.DataFrame({"k": k, "inertia": inertia, "log_inertia": log_inertia(inertia)})
    rows = curve.merge(measured, on="k").assign(is_chosen=k == choice.k)
    numbers = [name for name, column in SWEEP.columns.items() if str(column.dtype) == "float64"]
    return rows[list(SWEEP.columns)].astype(dict.fromkeys(numbers, "float64"))


def tell_rule(rule: object, precision: float, recall: float) -> list[str]:
    """A description's rule, precision and recall; empty where there is no rule."""
    if not isinstance(rule, str):
        return ["", "", ""]
    return [rule, *("" if pd.isna(part) else f"{part:.0%}" for part in (precision, recall))]


def tell_quality(story: Story) -> list[str]:
    """Rows in and out, why rows were refused, and the checks."""
    counted = story.customers
    balance = (
        f"{counted.read:,} rows read = {counted.used:,} used + {counted.merged:,} merged "
        f"+ {counted.quarantined:,} quarantined ({share(counted.quarantined / max(1, counted.read))})."
    )
    if counted.outside:
        balance += f" {counted.outside:,} more rows lie outside the window and were left out."
    mentions = sorted(counted.mentions.items(), key=lambda item: (-item[1], item[0]))
    counts = [[r, f"{counted.reasons.get(r, 0):,}", f"{n:,}"] for r, n in mentions]
    header = ["Reason", "Rows", "Rows with this reason among others"]
    refused = [table(header, counts, name="Refused rows by reason")] if counts else []
    checks = sorted(story.verdict.checks, key=lambda one: (one.passed, not one.required))
    told = [
        [one.name, "required" if one.required else "advisory", _mark(one.passed), one.found] for one in checks
    ]
    return [
        open_section("quality"),
        "<h3>Rows</h3>",
        paragraph(balance, "lead"),
        *refused,
        paragraph("Each refused row, with its reasons, is in quarantine.parquet beside this page.", "note"),
        "<h3>Checks</h3>",
        table(["Check", "Kind", "Result", "Found"], told, words=True, name="Checks"),
        "</section>",
    ]


def _mark(passed: bool) -> Markup:
    return Markup("passed" if passed else '<strong class="held">failed</strong>')


def tell_making(story: Story) -> list[str]:
    """How the edition was made, and how to make it again: no clock and no host."""
    night, scaled = story.night, story.scaled
    again = f"resegment rebuild {night.segmentation.name} --as-of {night.as_of}"
    definition = json.dumps(night.segmentation.substance(), indent=1, ensure_ascii=False)
    transforms = [
        [one.feature, "set aside" if one.aside else one.transform, f"{one.weight**2:.4g}", one.why]
        for one in scaled.columns
    ]
    names = {"bytes": "the file's bytes", "rows": "its rows, typed"}
    inputs = [[one.name or "rows", names[one.of], one.sha256] for one in story.rows.digests]
    more = len(inputs) - MOST_INPUTS
    versions = [[name, number] for name, number in list_versions().items()]
    return [
        open_section("making"),
        Markup(f"<p>Made again, byte for byte, by <code>{text(again)}</code></p>"),
        table(["Fact", "Value"], list_facts(story), words=True, name="Facts of the run"),
        "<h3>Scaling</h3>",
        table(["Feature", "Transform", "Weight", "Why"], transforms, words=True, name="Scaling"),
        details(
            f"Inputs and their sha256: {len(inputs):,}",
            table(["Input", "Digest of", "sha256"], inputs[:MOST_INPUTS], words=True, name="Inputs")
            + (paragraph(f"{more:,} more are in manifest.json.", "note") if more > 0 else ""),
        ),
        details("Versions", table(["Package", "Version"], versions, words=True, name="Versions")),
        details("The whole definition", f'<pre tabindex="0">{text(definition)}</pre>'),
        paragraph(
            "How long each run took, when and on which machine stands in the store's ledger: the same input "
            "gives this same page, whenever it is made.",
            "note",
        ),
        "</section>",
    ]


def list_facts(story: Story) -> list[list[object]]:
    """Parameters and results, name and value."""
    night, choice, fitted, key = story.night, story.choice, story.aligned.fitted, story.rows.key
    sample = story.scaled.sample
    before = f"{key.previous} of {key.previous_as_of}" if key.previous else "none"
    return [
        ["Edition", key.edition],
        ["Edition before", before],
        ["As of", f"{night.as_of}, time zone {night.segmentation.timezone}"],
        ["k", f"{choice.k}: {'; '.join(choice.reasons)}"],
        ["Model", f"{fitted.how}: {'; '.join(fitted.why)}; trained on {fitted.trained.as_of}"],
        ["Inertia", f"{fitted.inertia:.6g} after {fitted.passes} passes over all customers"],
        ["Sweep sample", f"{sample.part.rows:,} rows, {'exact' if sample.exact else 'coreset'}"],
        ["Value", f"{story.value}, summed by segment" if story.value else "no feature is taken for it"],
        ["Seed", night.segmentation.seed],
    ]
