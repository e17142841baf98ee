"""Stage rescore: tonight's customers scored with the previous model, and whether it needs a refit.

The pass over the customers is in segmentation/identity/rescoring.py, the decision in
segmentation/identity/refitting.py.
"""

from schemas.identity import PreviousEdition
from schemas.night import Night
from schemas.rows import Customers
from segmentation.identity.previous_model import PreviousModel, list_changed_keys, read_previous_model
from segmentation.identity.refitting import ModelFit, RefitDecision, decide_refit
from segmentation.identity.rescoring import Rescored, rescore_customers
from segmentation.parts import create_empty_folder
from segmentation.store.layout import edition_folder, get_home
from segmentation.store.manifests import try_read_manifest
from segmentation.store.published import is_intact, previous_edition
from tasks.runtime.stage import stage


def start_cold(night: Night) -> PreviousEdition:
    """No edition to continue from; a damaged one is reported."""
    home = get_home(night)
    latest = previous_edition(home, night.as_of)
    is_damaged = latest is not None and not is_intact(home, *latest)
    warnings = (f"the edition of {latest[0]} is damaged: a cold start",) if latest and is_damaged else ()
    return PreviousEdition(reasons=("there is no edition before this one",), store_warnings=warnings)


def decide(night: Night, previous: PreviousModel, rescored: Rescored) -> RefitDecision:
    """Does the model need a refit, and its scaling too?"""
    definition = night.definition
    fit = ModelFit(rescored.inertia, rescored.drift)
    decision = decide_refit(definition.refit, previous.model.trained, night.as_of, fit)
    # Another definition means other distances, whatever drift and inertia say.
    if changed := list_changed_keys(definition, previous.manifest):
        return RefitDecision(True, True, (f"the definition's {', '.join(changed)} changed",))
    if rescored.beyond:
        reason = f"{rescored.beyond} customers are beyond what the model can place"
        return RefitDecision(True, True, (reason, *(decision.reasons if decision.refits else ())))
    return decision


@stage("rescore {night.as_of}")
def rescore(night: Night, customers: Customers) -> PreviousEdition:
    """Score tonight's customers with last night's model, or start cold."""
    key = customers.ingested.key
    if key.previous is None or key.previous_as_of is None:
        return start_cold(night)
    folder = edition_folder(get_home(night), key.previous_as_of, key.previous)
    previous = read_previous_model(folder, night.definition)
    if isinstance(previous, str):
        warning = f"the edition of {key.previous_as_of} cannot be continued, {previous}: a cold start"
        manifest = try_read_manifest(folder)
        return PreviousEdition(
            reasons=(warning,),
            warnings=(warning,),
            customers=manifest.rows.customers if manifest else 0,
            history=manifest.volumes if manifest else (),
        )
    model, manifest = previous
    rescored = rescore_customers(customers.parts, model, create_empty_folder(night.staging / "rescore"))
    decision = decide(night, previous, rescored)
    return PreviousEdition(
        edition=key.previous,
        as_of=key.previous_as_of,
        folder=str(folder),
        model=model,
        k=manifest.k,
        wanted_k=manifest.wanted_k,
        wanted_nights=manifest.wanted_nights,
        customers=manifest.rows.customers,
        history=manifest.volumes,
        sizes=tuple(rescored.sizes.tolist()),
        labels=rescored.labels,
        inertia=rescored.inertia,
        constant_features=rescored.constant,
        drift=rescored.drift,
        needs_refit=decision.refits,
        needs_rescale=decision.rescales,
        reasons=decision.reasons,
    )
