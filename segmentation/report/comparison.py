"""The page of `resegment compare`: other algorithms on one date's customers, side by side with k-means.

What is measured of each is segmentation/k/comparing.py's.
"""

from schemas.comparison import Comparison
from schemas.evidence import Choice
from segmentation.k.comparing import tell_trials, tell_winners
from segmentation.report.page import label, paragraph, render, table


def render_comparison(found: Comparison, choice: Choice) -> bytes:
    """The comparison as a page in the report's style."""
    header, cells = tell_trials(found.trials)
    title = f"{found.name}, {found.as_of}: algorithms compared"
    return render(
        title,
        [
            f"<h1>{label(title)}</h1>",
            paragraph(tell_winners(found.trials), "lead"),
            paragraph(
                f"The champion, as a run would publish it: k-means with k = {choice.k} over all "
                f"{found.customers:,} customers ({'; '.join(choice.reasons)}). Nothing was published."
            ),
            table(header[:-1], [row[:-1] for row in cells]),
            paragraph(
                "Every algorithm, k-means too, was fitted to the same customers, scaled alike, with the "
                "champion's k where it takes one. Unsegmented customers are those that an algorithm calls "
                "noise; silhouette leaves them out. Stability is the bootstrap Jaccard of the least stable "
                "segment: 0.75 and more speaks for a segment that is there. ARI is 1 where the division is "
                "the champion's, about 0 where it has nothing in common with it. Seconds are CPU time of one "
                "fit; memory was estimated before it ran."
            ),
            "<h2>How each was run</h2>",
            table(
                ["Algorithm", "What was settled, reduced or refused"],
                [[row[0], row[-1]] for row in cells],
                words=True,
            ),
        ],
    )
