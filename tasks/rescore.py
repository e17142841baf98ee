"""Stage rescore: tonight's customers scored with the previous model, and whether it needs a refit.

The pass over the customers is in segmentation/identity/rescoring.py, the decision in
segmentation/identity/refitting.py.
"""

from datetime import timedelta

from schemas.identity import PreviousEdition
from schemas.look import Look
from schemas.manifest import EditionRef
from schemas.night import Night
from schemas.rows import Customers, EditionKey
from segmentation.identity.continuing import get_previous_ref, is_combining, read_continued
from segmentation.identity.looking import LookOccasion, explain_look, read_look
from segmentation.identity.previous_model import PreviousModel, list_changed_keys, read_previous_model
from segmentation.identity.refitting import ModelFit, RefitDecision, count_emptied, decide_refit
from segmentation.identity.rescoring import Rescored, rescore_customers
from segmentation.parts import create_empty_folder
from segmentation.store.edition.manifests import read_manifest
from segmentation.store.layout import edition_folder, get_home
from tasks.runtime.stage import stage

LOST_EVIDENCE = "the previous edition has lost its evidence for k, so tonight measures every k"
LOST_HISTORY = "the edition before has lost its history of earlier dates, so this one begins a new one"


def start_cold(key: EditionKey) -> PreviousEdition:
    """A night that continues no edition: the first one, or one for which a person accepted new ids."""
    state = "cannot be used" if key.accept_new_ids else "does not exist"
    return PreviousEdition(
        reasons=(f"the edition before this one {state}",), store_warnings=key.store_warnings
    )


def start_over(night: Night, key: EditionKey, ref: EditionRef) -> PreviousEdition:
    """A cold start that a person accepted: the sizes of earlier nights still count, ids and model do not."""
    folder = edition_folder(get_home(night), *ref)
    misfit, manifest = read_previous_model(folder, night.definition), read_manifest(folder)
    warning = f"the edition of {ref.as_of} cannot be continued, {misfit}: new ids were accepted"
    return PreviousEdition(
        reasons=(warning,),
        warnings=(warning,),
        store_warnings=key.store_warnings,
        customers=manifest.rows.customers,
        history=manifest.volumes,
    )


def decide(night: Night, previous: PreviousModel, rescored: Rescored) -> RefitDecision:
    """Does the model need a refit, and its scaling too?"""
    definition = night.definition
    customers = max(1, int(rescored.sizes.sum()))
    fit = ModelFit(rescored.inertia / customers, rescored.drift)
    decision = decide_refit(definition.refit, previous.model.trained, night.as_of, fit)
    # Another definition means other distances, whatever drift and inertia say.
    if changed := list_changed_keys(definition, previous.manifest):
        return RefitDecision(True, True, (f"the definition's {', '.join(changed)} changed",))
    if rescored.beyond:
        reason = f"{rescored.beyond} customers are beyond what the model can place"
        return RefitDecision(True, True, (reason, *(decision.reasons if decision.refits else ())))
    return decision


def carry_look(
    night: Night, key: EditionKey, previous: PreviousModel, rescored: Rescored, decision: RefitDecision
) -> tuple[Look | None, str]:
    """The last look at k if it is carried on, and why it is or is not."""
    manifest = previous.manifest
    folder = edition_folder(get_home(night), manifest.as_of, manifest.edition)
    look = None if key.lost_evidence else read_look(folder, manifest)
    options = night.definition.k
    occasion = LookOccasion(
        as_of=night.as_of,
        last=look.as_of if look else None,
        changed=night.definition.decisive_content() != manifest.definition,
        refits=decision.refits,
        emptied=count_emptied(rescored.sizes, options.smallest_share),
        wanted_k=manifest.wanted_k,
    )
    reason = explain_look(options, occasion)
    if look is None or reason is not None:
        return None, reason or ""
    due = look.as_of + timedelta(days=options.look_every)
    return look, f"k was measured on {look.as_of}, and will be again on {due} or when the model is refitted"


@stage("rescore {night.as_of}")
def rescore(night: Night, customers: Customers) -> PreviousEdition:
    """Score tonight's customers with last night's model, or start cold."""
    key = customers.ingested.key
    ref = get_previous_ref(key)
    if ref is None:
        return start_cold(key)
    if key.accept_new_ids:
        return start_over(night, key, ref)
    # Checked again, since a retry may begin here long after ingest.
    previous = read_continued(night, ref)
    model, manifest = previous
    rescored = rescore_customers(customers.parts, model, create_empty_folder(night.staging / "rescore"))
    decision = decide(night, previous, rescored)
    look, look_reason = carry_look(night, key, previous, rescored, decision)
    return PreviousEdition(
        edition=ref.edition,
        as_of=ref.as_of,
        folder=str(edition_folder(get_home(night), *ref)),
        model=model,
        has_contested=is_combining(manifest),
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
        look=look,
        look_reason=look_reason,
        reasons=decision.reasons,
        warnings=(
            *((LOST_HISTORY,) if key.starts_history else ()),
            *((LOST_EVIDENCE,) if key.lost_evidence else ()),
        ),
        store_warnings=key.store_warnings,
    )
