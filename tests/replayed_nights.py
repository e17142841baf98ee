"""The nights of a replay: customers who come, go and move; runs that are killed, out of space or at once.

Each method does one thing to the store and tells the model, or raises Violation. What else people do to the
store is in replayed_people.py, damage in replayed_damage.py, the order of all of it in replays.py.
"""

import hashlib
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from tests.forked_acts import Conditions, Ending, full_disk, observe, start_act, wait_for
from tests.nights import Town, day, draw_customers, draw_group
from tests.store_model import Model, Signature, list_contradictions, list_miscounted, list_torn
from tests.store_views import view_store

CHANGES = 110  # of the file system, about, that a night makes
FULL_CODES = {"disk-full", "disk-space"}
WINNERS = {"published", "held", "already-published"}


class Violation(Exception):
    """The store is not what the model says."""


@dataclass
class Replay:
    """A store, its model, and what is out of the ordinary from now on."""

    town: Town
    model: Model = field(default_factory=Model)
    conditions: Conditions = field(default_factory=Conditions)
    present: set[str] = field(default_factory=set)  # editions that are in the store
    has_disk: bool = False  # the store is on a file system of its own, which can be filled
    counts: dict[str, int] = field(default_factory=dict)
    publishers: Iterator[int] = field(default_factory=itertools.count)  # so that no two runs share an id

    def count(self, kind: str, number: int = 1) -> None:
        """Count what was done."""
        self.counts[kind] = self.counts.get(kind, 0) + number

    def require(self, is_so: bool, problem: str) -> None:
        """Raise Violation unless it is so."""
        if not is_so:
            raise Violation(problem)

    def write_source(self, name: str, customers: pd.DataFrame) -> Path:
        """A file of customers."""
        path = self.town.folder / f"{name}.csv"
        customers.to_csv(path, index=False)
        return path

    def view(self) -> dict[str, Any]:
        """The store as it is now."""
        editions = list(self.model.editions)
        view = observe(self.town, lambda: view_store(self.town.home, editions))
        assert isinstance(view, dict)
        return view

    def check(self) -> None:
        """Compare the store with the model, which gets to know editions that it has not seen."""
        view = self.view()
        self.require_none(list_contradictions(self.model, view))
        for edition, entry in view["editions"].items():
            if edition not in self.model.editions:
                names = frozenset((entry["given_names"] or {}).items())
                signature = Signature("", frozenset(), entry["previous"], None, names)
                self.model.remember(edition, entry, signature)
        self.present = set(view["editions"])
        self.model.rows = sum(view["ledger"].values())

    def require_none(self, problems: Any) -> None:
        """Raise Violation with the first of these problems, if there are any."""
        for problem in problems:
            raise Violation(problem)

    def sign(self, number: int, source: Path) -> Signature:
        """What a run of that night on this file makes."""
        ids = set(pd.read_csv(source, usecols=["id"])["id"])
        erased = frozenset(ids & self.model.erased)
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        as_of = str(day(number))
        names = self.model.names_of(as_of)
        return Signature(digest, erased, self.model.previous_of(as_of), self.conditions.code, names)

    def start(self, number: int, source: Path, *, force: bool = False, death: int | None = None) -> Any:
        """Start a night."""
        publisher = f"-{next(self.publishers)}"

        def act() -> Ending:
            record = self.town.run(number, source, force=force, publisher=publisher)
            return Ending(record.outcome, record.edition)

        return start_act(self.town, act, self.conditions._replace(death=death))

    def run(self, number: int, source: Path, *, force: bool = False) -> Ending:
        """Run a night to its end, and tell the model."""
        before = self.list_expected(number, source, force=force)
        ending = wait_for(*self.start(number, source, force=force))
        self.require(
            ending.outcome in before,
            f"night {number} ended as {ending}, expected {' or '.join(sorted(before))}",
        )
        self.record(number, source, ending)
        return ending

    def list_expected(self, number: int, source: Path, *, force: bool) -> set[str]:
        """How a run of that night may end."""
        as_of, signature = str(day(number)), self.sign(number, source)
        edition = self.model.published.get(as_of)
        published = self.model.editions[edition].signature if edition else None
        expected = {"published", "held"}
        if force or published is None:
            pass
        elif published == signature:
            return {"already-published"}
        elif published._replace(code=signature.code) == signature:
            return {"published-by-other-code"}
        elif published.previous not in self.present and published.previous in self.model.editions:
            # It says that it is published although the previous edition was pruned.
            expected |= {"already-published", "published-by-other-code"}
        has_lost = signature.previous is None and any(pruned < as_of for pruned in self.model.pruned)
        return expected | ({"refused"} if has_lost else set())

    def record(self, number: int, source: Path, ending: Ending) -> None:
        """Tell the model how a night ended."""
        as_of, edition = str(day(number)), ending.edition
        self.model.sources[as_of] = str(source)
        self.model.rows += 1
        self.count(ending.outcome)
        if not edition:
            return
        signature, view = self.sign(number, source), self.view()
        self.require(edition in view["editions"], f"{edition}, which night {number} names, is not there")
        entry = view["editions"][edition]
        if edition not in self.model.editions:
            self.require_none(list_torn(self.model, view))
            self.require(
                entry["previous"] == signature.previous,
                f"night {number} builds on {entry['previous']}, expected {signature.previous}",
            )
            self.model.remember(edition, entry, signature)
        if ending.outcome in ("published", "held"):
            self.require_none(list_miscounted(entry, pd.read_csv(source)["id"], self.model.erased))
        if ending.outcome == "held":
            self.require(entry["decision"] == "held", f"{edition} is held, its manifest says otherwise")
            self.model.held[as_of] = edition
        else:
            self.model.publish(as_of, edition)
        # A run that was killed may have made it.
        if self.model.editions[edition].signature.source == "":
            self.model.editions[edition].signature = signature

    def run_killed(self, number: int, source: Path, rng: random.Random) -> None:
        """A night that is killed before one of its changes, perhaps twice, and run again."""
        expected = self.list_expected(number, source, force=False)
        for _ in range(rng.choice((1, 1, 2))):
            ending = wait_for(*self.start(number, source, death=rng.randint(1, CHANGES)))
            self.count("kills", ending.outcome == "killed")
            if ending.outcome != "killed":
                self.require(ending.outcome in expected, f"night {number} ended as {ending}")
                self.record(number, source, ending)
                return
            self.require_none(list_torn(self.model, self.view()))
            expected |= WINNERS  # it may have been published before it was killed
        ending = wait_for(*self.start(number, source))
        self.require(
            ending.outcome in WINNERS | {"published-by-other-code"}, f"night {number} again: {ending}"
        )
        self.record(number, source, ending)

    def run_on_full_disk(self, number: int, source: Path, rng: random.Random) -> None:
        """A night for which there is not enough room, and the same night with room."""
        if self.has_disk:
            with full_disk(self.town.store, rng.randint(0, 30_000_000)):
                ending = wait_for(*self.start(number, source))
            is_full = ending.outcome == "storage" and ending.code in FULL_CODES
            self.require(
                is_full or ending.outcome in WINNERS, f"on a full disk night {number} ended as {ending}"
            )
            self.require(ending.message.isprintable(), f"not one line: {ending.message!r}")
            self.count("full disks", is_full)
        ending = wait_for(*self.start(number, source))
        self.require(ending.outcome in WINNERS, f"night {number} with room again: {ending}")
        self.record(number, source, ending)

    def run_twice_at_once(self, number: int, source: Path, rng: random.Random) -> None:
        """Two publishers of one date, half of the time on different files."""
        sources = [source, source]
        if rng.random() < 0.5:
            late = pd.concat([pd.read_csv(source), label(draw_group("b", range(200, 204)))])
            sources[1] = self.write_source(f"late-{number}", late)
        endings = [wait_for(*started) for started in [self.start(number, path) for path in sources]]
        for ending in endings:
            is_fine = ending.outcome in WINNERS | {"conflict"} and ending.message.isprintable()
            self.require(is_fine, f"one of two publishers of night {number}: {ending}")
            self.count("conflicts", ending.outcome == "conflict")
            self.model.rows += ending.outcome == "conflict"  # its row of the ledger
        winners = {ending.edition: n for n, ending in enumerate(endings) if ending.outcome != "conflict"}
        self.require(bool(winners), f"two publishers of night {number}, and both lost")
        edition = self.view()["published"].get(str(day(number)))
        position = winners.get(edition or "", 0)
        self.require(
            edition in winners or endings[position].outcome == "held",
            f"night {number} has {edition}, its publishers say {winners}",
        )
        self.record(number, sources[position], endings[position])


def label(customers: pd.DataFrame) -> pd.DataFrame:
    """Customers with ids that occur nowhere by chance, in no digest for example."""
    return customers.assign(id="customer-" + customers["id"])


def draw_night(number: int) -> pd.DataFrame:
    """The customers of a night: groups grow and shrink, one is new from night 9, one gone from night 20."""
    sizes = {"a": 60 + number % 5, "b": 50 + 3 * number % 7, "c": 45}
    sizes |= {"d": 40} if number < 20 else {}
    sizes |= {"e": 40} if number >= 9 else {}
    customers = draw_customers(sizes).set_index("id")
    movers = [f"a{(7 * number + i) % 50:05d}" for i in range(3)]
    customers.loc[movers] = customers.loc["b00001"].to_numpy()
    return label(customers.reset_index())
