"""Stage report: the small tables and the page that people read.

Figures come from segmentation/profiles.py, HTML from segmentation/page.py; nothing is decided here.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from schemas.evidence import Choice
from schemas.fields import checked_table
from schemas.identity import Aligned
from schemas.numbers import ColumnScale
from schemas.records import Customers, Fitted, Night, Part, Reported, Scaled
from schemas.tables import PROFILES, SWEEP
from schemas.verdicts import Verdict
from segmentation.choosing import log_inertia
from segmentation.figures import draw_elbow, draw_points, draw_scatter
from segmentation.page import Figure, label, number, paragraph, render, table
from segmentation.parts import name_part, start_folder
from segmentation.profiles import Labelled, profile_segments
from tasks.options import stage


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


def tell_segments(profiles: pd.DataFrame, fitted: Fitted, scales: Sequence[ColumnScale]) -> list[str]:
    """Sizes and profiles as tables, in original units."""
    units = dict(zip(profiles["feature"], profiles["unit"], strict=True))
    header = [
        "Segment",
        "Customers",
        "Share",
        *(f"{one.feature} ({units[one.feature]})" if units[one.feature] else one.feature for one in scales),
    ]

    def rows(column: str) -> list[list[object]]:
        cells = dict(
            zip(zip(profiles["segment_id"], profiles["feature"], strict=True), profiles[column], strict=True)
        )
        return [
            [
                segment.segment_id,
                f"{segment.size:,}",
                f"{segment.share:.1%}",
                *(number(cells[segment.segment_id, one.feature]) for one in scales),
            ]
            for segment in fitted.segments
        ]

    return [
        "<h2>Segments</h2>",
        paragraph("Centres in original units: the scaling of each feature inverted."),
        table(header, rows("centre")),
        "<h2>Means</h2>",
        table(header, rows("mean")),
        "<h2>Medians</h2>",
        table(header, rows("median")),
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


@stage("report {night.as_of}")
def report(
    night: Night, customers: Customers, scaled: Scaled, choice: Choice, aligned: Aligned, verdict: Verdict
) -> Reported:
    """Profiles, the sweep's table, and the page."""
    fitted = aligned.fitted
    folder = start_folder(night.staging / "report")
    segmentation = night.segmentation
    pairs = [Labelled(*pair) for pair in zip(scaled.numbers, fitted.parts, strict=True)]
    units = {one.name: one.unit for one in scaled.encodings}
    profiles = profile_segments(pairs, scaled.columns, fitted.segments, units)

    varying = [one for one in scaled.columns if not one.aside]
    varying.sort(key=lambda one: one.transform == "one-hot")  # 0/1 numbers only where there is nothing else
    shown = [one.feature for one in varying][:3]
    matrix, labels = draw_points(pairs, shown, segmentation.seed)
    ids = [segment.segment_id for segment in fitted.segments]
    title = f"{segmentation.name}, {night.as_of}: {choice.k} segments"
    state = "" if verdict.may_publish else f"Held, not live: {'; '.join(verdict.reasons)}"
    page = render(
        title,
        [
            f"<h1>{label(title)}</h1>",
            paragraph(segmentation.description),
            paragraph(f"{customers.customers:,} customers in {choice.k} segments.", "lead"),
            *([paragraph(state, "held")] if state else []),
            *tell_segments(profiles, fitted, scaled.columns),
            "<h2>Customers by segment</h2>",
            paragraph(f"{matrix.shape[1]:,} customers drawn by the seed, by {', '.join(shown)}."),
            Figure("customers", draw_scatter(matrix, labels, ids, shown), 560),
            "<h2>Why this k</h2>",
            *tell_choice(choice),
            Figure("elbow", draw_elbow(choice), 380),
            tell_evidence(choice),
            *tell_quality(customers, verdict),
            *tell_run(night, scaled, choice, fitted),
        ],
    )

    (folder / "report.html").write_bytes(page)
    pq.write_table(checked_table(profiles, PROFILES), folder / "profiles.parquet")
    pq.write_table(checked_table(sweep_rows(choice), SWEEP), folder / "sweep.parquet")
    named: dict[str, Part] = {
        name: name_part(folder / file, rows)
        for name, file, rows in (
            ("profiles", "profiles.parquet", len(profiles)),
            ("sweep", "sweep.parquet", len(choice.curve)),
            ("html", "report.html", 1),
        )
    }
    return Reported(**named)
