"""The check for an id that means a missing one, such as 0, \\N or a till's number.

The counts come from segmentation/rows/summarising/events.py. The id itself is a customer's value, so no
message shows it.
"""

from schemas.rows import LARGEST_KEPT, Customers
from schemas.verdicts import Check

_SHARE = 0.05
# Where few customers buy most, each of the first five still has a fifth of what the first has.
_TIMES = 10


def check_id_share(customers: Customers) -> Check:
    """No single id holds an implausible share of the events."""
    largest, events = customers.largest, customers.events
    if not largest or not events:
        return Check(name="id-share", required=False, passed=True, finding="no events to compare")
    first, last = largest[0], largest[-1]
    finding = f"one id holds {first / events:.1%} of {events:,} events"
    is_usual = first < _SHARE * events or len(largest) < LARGEST_KEPT or first < _TIMES * last
    if not is_usual:
        finding += (
            f", {first / last:,.0f} times as many as the fifth largest: it may mean a missing id; add "
            "it to source.csv.null_values, or leave it out by a rule in rows.where"
        )
    return Check(name="id-share", required=False, passed=is_usual, finding=finding)
