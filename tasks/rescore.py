"""Stage recall: the edition before, how its model fits tonight's customers, and whether to refit.

The pass over the customers is segmentation/identity/recalling.py's, the decision
segmentation/identity/refitting.py's.
"""

from schemas.identity import Memory
from schemas.records import Customers, Ingested, Night
from segmentation.identity.recalling import find_changes, read_before, recall_customers
from segmentation.identity.refitting import Decision, decide
from segmentation.parts import start_folder
from segmentation.store.given_ids import read_manifest
from segmentation.store.layout import edition_before, edition_folder, find_home, is_whole
from tasks.runtime.stage import stage


@stage("recall {night.as_of}")
def recall(night: Night, rows: Ingested, customers: Customers) -> Memory:
    """What is known of last night, or a cold start."""
    home, key = find_home(night), rows.key
    if key.previous is None or key.previous_as_of is None:
        there = edition_before(home, night.as_of)
        is_damaged = there is not None and not is_whole(home, *there)
        said = (f"the edition of {there[0]} is damaged: a cold start",) if there and is_damaged else ()
        return Memory(reasons=("there is no edition before this one",), store_warnings=said)
    folder = edition_folder(home, key.previous_as_of, key.previous)
    before = read_before(folder, night.segmentation)
    if isinstance(before, str):
        why = f"the edition of {key.previous_as_of} does not serve, {before}: a cold start"
        counts = (read_manifest(folder) or {}).get("rows", {})
        volume = {name: int(counts.get(name, 0)) for name in ("customers", "read")}
        return Memory(reasons=(why,), warnings=(why,), **volume)

    model, manifest = before
    found = recall_customers(customers.parts, model, start_folder(night.staging / "recall"))
    plan = night.segmentation.refit
    decision = decide(plan, model.trained, night.as_of, (found.inertia, found.drift))
    changed = find_changes(night.segmentation, manifest)
    if changed:
        decision = Decision(True, True, (f"the definition's {', '.join(changed)} changed",))
    elif found.beyond:
        why = f"{found.beyond} customers lie beyond what the model can place"
        decision = Decision(True, True, (why, *(decision.reasons if decision.refits else ())))
    return Memory(
        edition=key.previous,
        as_of=key.previous_as_of,
        folder=str(folder),
        k=int(manifest["k"]),
        wanted_k=manifest.get("wanted_k"),
        wanted_nights=int(manifest.get("wanted_nights", 0)),
        customers=int(manifest["rows"]["customers"]),
        read=int(manifest["rows"]["read"]),
        sizes=tuple(found.sizes.tolist()),
        labels=found.labels,
        inertia=found.inertia,
        constant=found.constant,
        drift=found.drift,
        refits=decision.refits,
        rescales=decision.rescales,
        reasons=decision.reasons,
    )
