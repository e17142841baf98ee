"""A small model of what a store must be, and what in a view of it contradicts the model.

It knows nothing of the project's code. Views are in store_views.py, what is done to the store in replays.py.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

View = dict[str, Any]


class Signature(NamedTuple):
    """What an edition is made of. Equal signatures are the same edition."""

    source: str
    erased: frozenset[str]  # customers of the source that were erased
    previous: str | None
    code: str | None
    names: frozenset[tuple[str, str]] = frozenset()  # that people gave, by segment


@dataclass
class Edition:
    """What the model remembers of an edition, also after its files have gone."""

    as_of: str
    previous: str | None
    segment_ids: frozenset[str]
    customers: dict[str, str]
    signature: Signature


@dataclass
class Model:
    """The store as it must be. Dates are texts, so that they sort and are what a view has."""

    published: dict[str, str] = field(default_factory=dict)
    superseded: set[str] = field(default_factory=set)
    editions: dict[str, Edition] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)  # the last edition of a date that was held
    pruned: set[str] = field(default_factory=set)
    names: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # date from which, and name
    erased: set[str] = field(default_factory=set)
    sources: dict[str, str] = field(default_factory=dict)  # of each date, the one that was given last
    rows: int = 0  # of the ledger

    @property
    def live(self) -> str | None:
        """The live date: the newest one whose edition is not superseded."""
        return next(reversed(self.list_current()), None)

    def list_current(self) -> list[str]:
        """Published dates whose edition is not superseded, ascending."""
        return [day for day in sorted(self.published) if self.published[day] not in self.superseded]

    def previous_of(self, as_of: str) -> str | None:
        """The edition that a date builds on."""
        earlier = [day for day in self.list_current() if day < as_of]
        return self.published[earlier[-1]] if earlier else None

    def rename(self, segment: str, name: str) -> None:
        """A person named a segment of the live edition: it holds from the next day on."""
        next_day = str(date.fromisoformat(self.live or "") + timedelta(days=1))
        earlier = [version for version in self.names.get(segment, []) if version[0] != next_day]
        self.names[segment] = [*earlier, (next_day, name)]

    def names_of(self, as_of: str) -> frozenset[tuple[str, str]]:
        """The names that a run of the date gives its edition: those that the date has, if it is published."""
        edition = self.published.get(as_of)
        if edition and edition not in self.superseded:
            return self.editions[edition].signature.names
        holding = {
            segment: [name for holds_from, name in versions if holds_from <= as_of]
            for segment, versions in self.names.items()
        }
        return frozenset((segment, names[-1]) for segment, names in holding.items() if names)

    def publish(self, as_of: str, edition: str) -> None:
        """A date has this edition now."""
        self.published[as_of] = edition
        self.held.pop(as_of, None)

    def promote(self, as_of: str, edition: str) -> None:
        """A person made it live: what is published for later dates is superseded."""
        later = {self.published[day] for day in self.published if day > as_of}
        self.superseded = (self.superseded | later) - {edition}
        self.publish(as_of, edition)

    def remember(self, edition: str, view: View, signature: Signature) -> None:
        """An edition that a run has made."""
        customers = {customer: row[0] for customer, row in view["customers"].items()}
        self.editions[edition] = Edition(
            as_of=view["as_of"],
            previous=view["previous"],
            segment_ids=frozenset(view["sizes"]),
            customers=customers,
            signature=signature,
        )


def list_contradictions(model: Model, view: View) -> Iterator[str]:
    """What the view of a store at rest has that the model does not, in words."""
    live = model.live
    expected = (live, model.published.get(live or ""), sorted(model.superseded))
    pointer = view["live"] or {}
    # A flipped bit may make another id of a superseded one. The ledger still has the right one.
    editions = model.editions.keys() | model.superseded
    superseded = sorted(editions.intersection(pointer.get("set_aside", [])))
    actual = (pointer.get("as_of"), pointer.get("edition"), superseded)
    if actual != expected:
        yield f"live.json says {actual}, expected {expected}"
    if view["published"] != model.published:
        changed = set(view["published"].items()) ^ set(model.published.items())
        yield f"published tables differ from the model in {sorted(changed)}"
    versions = {
        segment: [(version["holds_from"], version["name"]) for version in entry]
        for segment, entry in view["names"].items()
    }
    if versions != model.names:
        yield f"names are {view['names']}, expected {model.names}"
    if view["left"]:
        yield f"left behind: {view['left']}"
    if view["ledger"].get("begun"):
        yield f"{view['ledger']['begun']} rows of the ledger say that their run has not ended"
    if sum(view["ledger"].values()) < model.rows:
        yield f"the ledger has {sum(view['ledger'].values())} rows, it had {model.rows}"
    yield from list_torn(model, view)


def list_torn(model: Model, view: View) -> Iterator[str]:
    """What is wrong at any moment, also after a kill."""
    for as_of, edition in view["published"].items():
        if view["editions"].get(edition, {}).get("as_of") != as_of:
            yield f"the table of {as_of} names {edition}, not an edition of that date"
    for edition, entry in view["editions"].items():
        if edition not in model.editions:
            yield from list_identity_faults(model, edition, entry)
            yield from list_unbalanced(edition, entry)
    total = (view["ids"] or {}).get("given", 0)
    numbers = [int(name[1:]) for entry in model.editions.values() for name in entry.segment_ids]
    if max(numbers, default=0) > total:
        yield f"ids.json says that {total} ids were given, and S{max(numbers):02d} was seen"


def list_identity_faults(model: Model, edition: str, entry: View) -> Iterator[str]:
    """What is wrong with a new edition's ids, customers and lineage."""
    previous = model.editions.get(entry["previous"] or "")
    segment_ids, before = set(entry["sizes"]), previous.segment_ids if previous else frozenset()
    reused = {
        (name, known)
        for known, old in model.editions.items()
        for name in (segment_ids - before) & old.segment_ids
    }
    if reused:
        yield f"{edition} of {entry['as_of']} gives ids a second time: {sorted(reused)[:4]}"
    if previous and not segment_ids & before:
        yield f"{edition} of {entry['as_of']} has other ids than {entry['previous']}, on which it builds"
    if entry.get("accept_new_ids"):
        yield f"{edition} accepted new ids without a person's word"
    customers = entry["customers"]
    if back := customers.keys() & model.erased:
        yield f"{edition} has the erased {sorted(back)[:3]}"
    earlier = previous.customers if previous else {}
    wrong = [name for name, row in customers.items() if not _continues(row, earlier.get(name))]
    if wrong:
        row = customers[wrong[0]]
        yield f"{len(wrong)} customers of {edition}, such as {wrong[0]} {row}: {earlier.get(wrong[0])} before"


def _continues(row: list[str | None], before: str | None) -> bool:
    segment, previous, change = row
    if before is None:
        return previous is None and change in (None, "joined")
    return previous == before and change == ("stayed" if segment == before else "moved")


def list_unbalanced(edition: str, entry: View) -> Iterator[str]:
    """What is wrong with the balance of rows of an edition that has not lost a customer to an erasure."""
    rows, count = entry["rows"], len(entry["customers"])
    balance = sum(rows.get(part, 0) for part in ("used", "merged", "quarantined", "erased"))
    if rows["read"] != balance or not rows["customers"] == count == sum(entry["sizes"].values()):
        yield f"rows of {edition} do not add up: {rows}, {count} customers"


def list_miscounted(entry: View, source_ids: Iterable[str], erased: set[str]) -> Iterator[str]:
    """What is wrong with the counts of an edition that was made of the rows with these ids."""
    rows, ids = entry["rows"], list(source_ids)
    customers = len(set(ids) - erased)
    if (rows["read"], rows["customers"]) != (len(ids), customers):
        counts = f"{rows['read']} rows and {rows['customers']} customers"
        yield f"an edition has {counts}, its source {len(ids)} and {customers}"
