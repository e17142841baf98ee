"""What the report's page says, section by section: tables and sentences from the records of the stages.

HTML is segmentation/page.py's, figures segmentation/figures.py's; which sections there are, and in which
order, is tasks/report.py's to say.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from schemas.evidence import Choice
from schemas.identity import Aligned, Memory
from schemas.numbers import ColumnScale
from schemas.records import Customers, Fitted, Night, Scaled
from schemas.tables import SWEEP
from schemas.verdicts import Verdict
from segmentation.choosing import log_inertia
from segmentation.page import number, paragraph, table


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


def tell_segments(
    profiles: pd.DataFrame, descriptions: pd.DataFrame, scales: Sequence[ColumnScale]
) -> list[str]:
    """Names, sizes, rules, and profiles as tables, in original units."""
    units = dict(zip(profiles["feature"], profiles["unit"], strict=True))
    header = [
        "Segment",
        *(f"{one.feature} ({units[one.feature]})" if units[one.feature] else one.feature for one in scales),
    ]

    def rows(column: str) -> list[list[object]]:
        cells = dict(
            zip(zip(profiles["segment_id"], profiles["feature"], strict=True), profiles[column], strict=True)
        )
        return [
            [
                segment_id,
                *(number(cells[segment_id, one.feature]) for one in scales),
            ]
            for segment_id in descriptions["segment_id"]
        ]

    words = [
        [
            one["segment_id"],
            one["name"],
            f"{one['size']:,}",
            f"{one['share']:.1%}",
            *tell_rule(one["rule"], one["rule_precision"], one["rule_recall"]),
        ]
        for one in descriptions.to_dict("records")
    ]
    return [
        "<h2>Segments</h2>",
        paragraph("Named by what sets them apart most, until a person names them: resegment name."),
        table(["Segment", "Name", "Customers", "Share", "Rule", "Precision", "Recall"], words, words=True),
        "<h2>Centres</h2>",
        paragraph("Centres in original units: the scaling of each feature inverted."),
        table(header, rows("centre")),
        "<h2>Means</h2>",
        table(header, rows("mean")),
        "<h2>Medians</h2>",
        table(header, rows("median")),
    ]


def tell_rule(rule: object, precision: float, recall: float) -> list[str]:
    """A description's rule, precision and recall; empty where there is no rule."""
    if not isinstance(rule, str):
        return ["", "", ""]
    return [rule, *("" if pd.isna(share) else f"{share:.0%}" for share in (precision, recall))]


def tell_changes(aligned: Aligned, memory: Memory) -> list[str]:
    """What became of last night's segments, and who moved why."""
    why = [paragraph(f"The model is {aligned.fitted.how}: {'; '.join(aligned.fitted.why)}.")]
    if aligned.churn is None:
        return ["<h2>Since the edition before</h2>", *why]
    churn = aligned.churn
    moved = churn.behaviour + churn.model
    said = (
        f"Since {memory.as_of}: {churn.stayed:,} customers stayed in their segment, {moved:,} moved "
        f"({churn.moved_share:.2%}): {churn.behaviour:,} by behaviour, {churn.model:,} by the model. "
        f"{churn.joined:,} joined, {churn.left:,} left."
    )
    header = ["From", *(segment.segment_id for segment in aligned.fitted.segments), "left"]
    rows = [
        [name, *(f"{count:,}" if count else "" for count in row)]
        for name, row in zip([*aligned.before, "joined"], aligned.migration, strict=True)
    ]
    told = [
        [one.from_segment_id or "", one.event, one.segment_id or "", f"{one.shared:,}"]
        for one in aligned.events
    ]
    return [
        "<h2>Since the edition before</h2>",
        paragraph(said, "lead"),
        *why,
        table(header, rows),
        table(["From", "Event", "Segment", "Customers shared"], told),
    ]


def tell_quality(customers: Customers, verdict: Verdict) -> list[str]:
    """Rows in and out, why rows were refused, and the checks."""
    balance = (
        f"{customers.read:,} rows read = {customers.used:,} used + {customers.merged:,} merged "
        f"+ {customers.quarantined:,} quarantined."
    )
    if customers.outside:
        balance += f" {customers.outside:,} more rows lie outside the window and were left out."
    mentions = sorted(customers.mentions.items(), key=lambda item: (-item[1], item[0]))
    counts = [[r, f"{customers.reasons.get(r, 0):,}", f"{n:,}"] for r, n in mentions]
    told = [table(["Reason", "Rows", "Rows with this reason among others"], counts)] if counts else []
    checks = [
        [c.name, "required" if c.required else "advisory", "passed" if c.passed else "failed", c.found]
        for c in verdict.checks
    ]
    return [
        "<h2>Rows and quarantine</h2>",
        paragraph(balance),
        *told,
        "<h2>Checks</h2>",
        table(["Check", "Kind", "Result", "Found"], checks, words=True),
    ]


def tell_run(night: Night, scaled: Scaled, choice: Choice, fitted: Fitted) -> list[str]:
    """How the edition was made: parameters and fitted transforms, no clock and no host."""
    facts: list[list[object]] = [
        ["As of", night.as_of],
        ["Time zone", night.segmentation.timezone],
        ["k", f"{choice.k}: {'; '.join(choice.reasons)}"],
        ["Inertia", f"{fitted.inertia:.6g} after {fitted.passes} passes over all customers"],
        [
            "Sweep sample",
            f"{scaled.sample.part.rows:,} rows, {'exact' if scaled.sample.exact else 'coreset'}",
        ],
        ["Seed", night.segmentation.seed],
    ]
    transforms = [
        [one.feature, "set aside" if one.aside else one.transform, f"{one.weight**2:.4g}", one.why]
        for one in scaled.columns
    ]
    return [
        "<h2>How it was made</h2>",
        table(["Fact", "Value"], facts, words=True),
        "<h2>Scaling</h2>",
        table(["Feature", "Transform", "Weight", "Why"], transforms, words=True),
    ]


def tell_choice(choice: Choice) -> list[str]:
    """The choice, its reasons, and what speaks against it."""
    lines = [f"{one[:1].upper()}{one[1:]}." for one in (*choice.reasons, *choice.doubts)]
    return [paragraph(f"k = {choice.k}, by rule {choice.rule}; evidence: {choice.strength}.", "lead")] + [
        paragraph(line) for line in lines
    ]


def tell_evidence(choice: Choice) -> str:
    """Every measure by k."""
    header = {
        "natural": "Natural segments",
        "faintest_border": "Faintest border",
        "silhouette": "Silhouette",
        "calinski_harabasz": "Calinski-Harabasz",
        "davies_bouldin": "Davies-Bouldin",
        "gap": "Gap",
        "gap_pca": "Gap (PCA)",
        "prediction_strength": "Prediction strength",
        "jaccard": "Bootstrap Jaccard",
        "smallest_share": "Smallest share",
    }
    rows = sweep_rows(choice).to_dict("records")
    cells = [
        [
            f"{row['k']:.0f}",
            f"{row['inertia']:.6g}",
            *("" if pd.isna(row[name]) else number(row[name]) for name in header),
        ]
        for row in rows
    ]
    return table(["k", "Inertia", *header.values()], cells)
