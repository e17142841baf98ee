"""Comparing two editions: their customers counted, their segments matched, their definitions compared.

The page is in segmentation/report/edition_comparison_page.py.
"""

import numpy as np

from schemas.edition_comparison import (
    ComparedEdition,
    ComparedSegment,
    EditionComparison,
    FactDifference,
    SegmentMatch,
)
from schemas.manifest import Manifest
from segmentation.comparing.cross_table import compute_adjusted_rand, count_customers, match_by_overlap
from segmentation.comparing.sides import Side, check_customer_ids, pair_sides
from segmentation.errors import Refused
from segmentation.identity.matching import jaccard_similarity
from segmentation.store.catalogue.edition_diff import Facts, diff_facts, flatten


def compare_editions(first: Side, second: Side) -> EditionComparison:
    """Compare two editions in one pass over both. Refused if they share no customers."""
    check_customer_ids(first, second)
    first_ids, second_ids = first.segment_ids, second.segment_ids
    counts = count_customers(pair_sides(first, second), (len(first_ids), len(second_ids)))
    shared, in_both = counts.shared, int(counts.shared.sum())
    if not in_both:
        raise Refused(
            "no-shared-customers",
            f"no customer is in both editions, of {counts.left.sum():,} in A and {counts.joined.sum():,} "
            "in B; expected the same customers: are their ids in the same form?",
        )
    pairs = match_by_overlap(shared, first_ids, second_ids, ids_are_comparable=first.home == second.home)
    similarity = jaccard_similarity(shared)
    return EditionComparison(
        first=describe_side(first),
        second=describe_side(second),
        shared=tuple(map(tuple, shared.tolist())),
        row_shares=compute_row_shares(shared),
        only_first=tuple(counts.left.tolist()),
        only_second=tuple(counts.joined.tolist()),
        matches=tuple(
            SegmentMatch(
                first=first_ids[i],
                second=second_ids[j],
                shared=int(shared[i, j]),
                jaccard=float(similarity[i, j]),
            )
            for i, j in pairs
        ),
        in_both=in_both,
        differ=in_both - sum(int(shared[i, j]) for i, j in pairs),
        adjusted_rand=compute_adjusted_rand(shared),
        differences=list_differences(first.edition.manifest, second.edition.manifest),
    )


def compute_row_shares(shared: np.ndarray) -> tuple[tuple[float | None, ...], ...]:
    """Each count (k0, k) as a share of its row. None in a row without customers.

    >>> compute_row_shares(np.array([[3, 1], [0, 0]]))
    ((0.75, 0.25), (None, None))
    """
    return tuple(tuple(count / sum(row) if sum(row) else None for count in row) for row in shared.tolist())


def describe_side(side: Side) -> ComparedEdition:
    """What a page and a script need to know of a side."""
    edition = side.edition
    return ComparedEdition(
        name=edition.manifest.name,
        as_of=edition.as_of,
        edition=edition.edition,
        is_draft=side.is_draft,
        state=edition.state,
        segments=tuple(
            ComparedSegment(segment_id=segment_id, name=side.names.get(segment_id, ""), customers=size)
            for segment_id, size in edition.manifest.sizes.items()
        ),
    )


def list_differences(first: Manifest, second: Manifest) -> tuple[FactDifference, ...]:
    """What differs in how they were made: definition, code and libraries. `resegment diff` has more."""
    return tuple(
        FactDifference(
            part=difference.part, fact=difference.fact, first=difference.old, second=difference.new
        )
        for difference in diff_facts(_collect_facts(first), _collect_facts(second))
    )


def _collect_facts(manifest: Manifest) -> Facts:
    definition = dict(flatten(join_lists(manifest.definition)))
    definition.pop("name", None)  # shown with the date already
    code = {"sources": manifest.code} if manifest.code else {}
    return {"definition": definition, "code": code, "versions": manifest.versions}


def join_lists(value: object) -> object:
    """A definition's content, with lists of words as one text: one feature less is one difference.

    >>> join_lists({"features": ["spend", "visits"], "k": {"aim": [4, 8]}})
    {'features': 'spend, visits', 'k': {'aim': '4, 8'}}
    """
    if isinstance(value, dict):
        return {key: join_lists(inner) for key, inner in value.items()}
    if isinstance(value, list):
        if any(isinstance(item, dict | list) for item in value):
            return [join_lists(item) for item in value]
        return ", ".join(map(str, value))
    return value
