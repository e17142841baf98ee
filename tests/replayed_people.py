"""What people do to the store of a replay: promote, withdraw, name, erase, prune, backfill, add late rows."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from config.clauses import Retention
from segmentation.erasing.erasure import erase_customers
from segmentation.erasing.requests import make_request
from segmentation.identity.given_names import name_segment
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.pruning.pruning import PruneRequest, prune_editions
from tests.erasing import search
from tests.forked_acts import Ending, run_act
from tests.nights import day, draw_group
from tests.replayed_nights import Replay, label
from tests.store_model import list_torn

Act = Callable[[], Ending]


def number_of(as_of: str) -> int:
    """The night of a date."""
    return (date.fromisoformat(as_of) - day(1)).days + 1


def try_killed(replay: Replay, act: Act, changes: int, rng: random.Random) -> Ending:
    """Do something that half of the time is killed before one of its changes, and then done again."""
    if rng.random() < 0.5:
        conditions = replay.conditions._replace(death=rng.randint(1, changes))
        ending = run_act(replay.town, act, conditions)
        if ending.outcome != "killed":
            return ending
        replay.count("kills")
        replay.require_none(list_torn(replay.model, replay.view()))
    return run_act(replay.town, act, replay.conditions)


def promote(replay: Replay, as_of: str, edition: str, rng: random.Random) -> None:
    """A person makes an edition live."""
    request = PromotionRequest(date.fromisoformat(as_of), edition, "ana", "replayed")

    def act() -> Ending:
        return Ending(promote_edition(replay.town.home, request).outcome, edition)

    ending = try_killed(replay, act, 16, rng)
    is_fine = ending.outcome in ("promoted", "already-live")
    replay.require(is_fine, f"promoting {edition} of {as_of} ended as {ending}")
    replay.model.promote(as_of, edition)
    replay.model.rows += ending.outcome == "promoted"
    replay.count("promotions")


def promote_any(replay: Replay, rng: random.Random) -> None:
    """A held edition if there is one, else any that is in the store."""
    refs = [(as_of, edition) for as_of, edition in replay.model.held.items() if edition in replay.present]
    if not refs:
        editions = replay.model.editions
        refs = sorted((editions[edition].as_of, edition) for edition in replay.present)[-8:]
    if refs:
        promote(replay, *rng.choice(refs), rng)


def roll_back(replay: Replay, rng: random.Random) -> None:
    """The live edition is withdrawn: one of the three dates before is live again."""
    days = replay.model.list_current()[-4:-1]
    if days:
        as_of = rng.choice(days)
        promote(replay, as_of, replay.model.published[as_of], rng)


def rename(replay: Replay, rng: random.Random) -> None:
    """A person names a segment of the live edition."""
    live = replay.model.live
    if live is None:
        return
    segment = rng.choice(sorted(replay.model.editions[replay.model.published[live]].segment_ids))
    name = f"Name {rng.randint(1, 999)}"

    def act() -> Ending:
        name_segment(replay.town.home, segment, {"name": name}, "ana")
        return Ending("named")

    ending = try_killed(replay, act, 4, rng)
    replay.require(ending.outcome == "named", f"naming {segment} ended as {ending}")
    replay.model.rename(segment, name)
    replay.count("names")


def erase(replay: Replay, rng: random.Random) -> None:
    """Two customers are erased, perhaps at the second try; a night in between is refused."""
    live = replay.model.live
    if live is None:
        return
    customers = replay.model.editions[replay.model.published[live]].customers
    ids = rng.sample(sorted(customers), 2)

    def act() -> Ending:
        home = replay.town.home
        request = make_request(home, ids, "ana", "request 4711", home)
        return Ending(erase_customers(home, request, lambda line: None).outcome)

    ending = try_killed(replay, act, 60, rng)
    replay.require(ending.outcome == "erased", f"erasing ended as {ending}")
    replay.model.erased |= {*ids}
    replay.model.rows += 1
    for edition in replay.model.editions.values():
        for customer_id in ids:
            edition.customers.pop(customer_id, None)
    replay.count("erasures")
    for customer_id in ids:
        where = search(replay.town.home, customer_id)
        replay.require(not where, f"erased {customer_id} is still in {sorted(where)[:3]}")


def prune(replay: Replay, rng: random.Random) -> None:
    """Dates older than a week go, but for those that something needs."""
    kept, model = rng.randint(5, 9), replay.model
    request = PruneRequest(Retention(all_days=kept, month_ends=0), "ana", replay.town.home)
    expected = list_prunable(replay, kept)

    def act() -> Ending:
        return Ending(prune_editions(replay.town.home, request, lambda line: None).outcome)

    ending = try_killed(replay, act, 40, rng)
    replay.require(ending.outcome in ("pruned", "nothing"), f"pruning ended as {ending}")
    left = {as_of for as_of in model.published if as_of not in expected}
    published = replay.view()["published"].keys()
    replay.require(published == left, f"pruning left {sorted(published)}, expected {sorted(left)}")
    for as_of in expected:
        del model.published[as_of]
        model.pruned.add(as_of)
        model.rows += 1
    replay.count("pruned dates", len(expected))


def list_prunable(replay: Replay, kept: int) -> set[str]:
    """Published dates that a retention of this number of days does not keep."""
    model = replay.model
    days, live = sorted(model.published), model.live
    if live is None:
        return set()
    first = str(date.fromisoformat(days[-1]) - timedelta(days=kept - 1))
    needed = {*model.list_current()[-2:], *days[-2:]}
    return {as_of for as_of in days if as_of < first and as_of < live and as_of not in needed}


def deliver_late(replay: Replay, rng: random.Random) -> None:
    """Rows of an earlier date arrive late, and the date is run again."""
    if not replay.model.published:
        return
    as_of = rng.choice(sorted(replay.model.published)[-6:])
    start = rng.randint(300, 900)
    customers = pd.read_csv(replay.model.sources[as_of])
    late = pd.concat([customers, label(draw_group("a", range(start, start + 4)))])
    source = replay.write_source(f"late-{as_of}-{start}", late)
    replay.run(number_of(as_of), source)


def backfill(replay: Replay, rng: random.Random) -> None:
    """Some dates in a row are rebuilt in order, as a backfill does."""
    days = sorted(replay.model.published)
    if not days:
        return
    first = rng.randrange(max(len(days) - 6, 0), len(days))
    for as_of in days[first : first + rng.randint(1, 3)]:
        replay.run(number_of(as_of), Path(replay.model.sources[as_of]), force=True)
    replay.count("backfills")
