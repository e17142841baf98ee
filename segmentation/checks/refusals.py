"""Checks of refused rows: their share, of rows and of value, and days or files that lost most of theirs.

What is counted belongs in segmentation/rows/, the order of all checks in tasks/check.py.
"""

from collections import Counter
from collections.abc import Sequence

from schemas.breakdown import AmountBalance, Breakdown, GroupBalance
from schemas.rows import Customers, RowBalance
from schemas.verdicts import Check
from schemas.wording import format_count, list_names

MOST_NAMED = 3
# In a table where this share of a usual day's rows has no id, such rows are ordinary.
_ORDINARY_WITHOUT_ID = 0.05
# Then a day counts as lost once a tenth of the usual share of rows with an id is left.
_LEFT_OF_A_LOST_DAY = 0.1
MOST_MISDATED = 0.01
FEW_MISDATED = 0.0005  # up to this share they are reported without a warning


def check_quarantined_share(customers: Customers, limit: float) -> Check:
    """Not too many rows were refused."""
    balance = customers.balance
    share = balance.quarantined / balance.read
    finding = f"{balance.quarantined} of {balance.read} rows ({share:.2%}); at most {limit:.2%} is allowed"
    return Check(name="quarantined-share", required=True, passed=share <= limit, finding=finding)


def check_rows_balance(customers: Customers) -> Check:
    """Every row read is used, merged or quarantined, and each quarantined row is in a file."""
    balance = customers.balance
    in_files = sum(part.rows for part in customers.quarantine)
    passed = balance.adds_up and in_files == balance.quarantined
    return Check(name="rows-accounted-for", required=True, passed=passed, finding=balance.describe())


def lost_most_rows(group: GroupBalance, usual_without_id: float, limit: float) -> bool:
    """Were most rows of a day or a file refused?

    Rows without an id count where they are rare; elsewhere only if hardly a row with an id is left.
    """
    if usual_without_id < _ORDINARY_WITHOUT_ID:
        return group.share > limit
    with_id = group.rows - group.without_id
    usual = 1 - usual_without_id
    if with_id < _LEFT_OF_A_LOST_DAY * usual * group.rows:
        return True
    return group.refused - group.without_id > limit * with_id


def check_refused_days(breakdown: Breakdown, limit: float) -> Check:
    """No day and no file lost most of its rows, however small they are beside the whole night."""
    usual = breakdown.usual_without_id
    lost = [group for group in breakdown.groups if lost_most_rows(group, usual.get(group.kind, 0), limit)]
    if not lost:
        finding = f"no day or file with more than {limit:.0%} of its rows refused"
        return Check(name="refused-days", required=True, passed=True, finding=finding)
    days = sorted((group for group in lost if group.kind == "day"), key=lambda group: group.name)
    # A file of one lost day is that day.
    files = [
        group for group in lost if group.kind == "file" and not any(day.name in group.name for day in days)
    ]
    reasons = Counter[str]()
    for group in days or files:
        reasons[group.reason] += group.reason_rows
    lists = [_list_groups(*groups) for groups in (("on", days), ("in", files)) if groups[1]]
    finding = (
        f"most rows are refused {' and '.join(lists)}, mostly for {reasons.most_common(1)[0][0]!r}; "
        f"at most {limit:.0%} of a day's or a file's rows is allowed"
    )
    return Check(name="refused-days", required=True, passed=False, finding=finding)


def _list_groups(preposition: str, groups: Sequence[GroupBalance]) -> str:
    """`on 2 days: 2024-06-12 (98 of 100 rows), 2024-06-13 (97 of 100 rows)`."""
    names = [f"{group.name} ({group.refused:,} of {group.rows:,} rows)" for group in groups]
    return f"{preposition} {format_count(len(groups), groups[0].kind)}: {list_names(names, MOST_NAMED)}"


def check_refused_value(breakdown: Breakdown, balance: RowBalance, limit: float) -> Check:
    """Refused rows hold no large share of an amount's value. Values that could not be read are estimated."""
    worst = max(breakdown.amounts, key=lambda amount: amount.share, default=None)
    if worst is None:
        return Check(name="refused-value", required=True, passed=True, finding="no value in refused rows")
    finding = (
        f"about {worst.share:.1%} of the value of {worst.name} is in refused rows, which are "
        f"{balance.quarantined / max(1, balance.read):.1%} of all rows; at most {limit:.2%} is allowed"
    )
    passed = worst.share <= limit
    finding += "" if passed else _advise(worst)
    return Check(name="refused-value", required=True, passed=passed, finding=finding)


def _advise(amount: AmountBalance) -> str:
    if not amount.number_like:
        return ""
    return (
        f". Refused values that look like numbers: {amount.number_like:,}; declare how they are written in "
        "source.csv (thousands, currency_marks, negative, decimal)"
    )


def check_file_days(breakdown: Breakdown) -> Check:
    """Files hold rows of the days that their names say. Some others warn; more hold the night."""
    if not breakdown.misdated:
        finding = "no rows outside the days in their file's name"
        return Check(name="file-days", required=False, passed=True, finding=finding)
    share = breakdown.misdated / max(1, breakdown.rows_in_files)
    examples = [f"{file.rows:,} in {file.name}" for file in breakdown.misdated_files[:MOST_NAMED]]
    rows = format_count(breakdown.misdated, "row")
    finding = f"{rows} ({share:.2%}) outside the days in their file's name: {', '.join(examples)}"
    # A typing error in thousands of rows should not warn every night.
    if share <= FEW_MISDATED:
        return Check(name="file-days", required=False, passed=True, finding=finding)
    finding += "; declare source.days_before or days_after, or another date_in_name"
    # With more, days are likely to be missing at the window's edges, whose files were not opened.
    return Check(name="file-days", required=share > MOST_MISDATED, passed=False, finding=finding)
