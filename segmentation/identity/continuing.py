"""Can a night continue the previous edition? If not, it is refused unless a person accepts new ids.

Which edition that is: segmentation/store/catalogue/preceding.py. What its model means tonight:
previous_model.py. docs/decisions/0028-identity-survives-damage.md
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from schemas.manifest import EditionRef, Manifest
from schemas.night import Night
from schemas.rows import EditionKey
from segmentation.errors import DamagedFile, Refused
from segmentation.identity.previous_model import PreviousModel, read_previous_model
from segmentation.identity.previous_segments import CONTESTED
from segmentation.identity.segment_history import HISTORY_FILE
from segmentation.identity.segment_trends import TRENDS_FILE
from segmentation.store.catalogue.edition_key import name_edition
from segmentation.store.catalogue.preceding import UNKNOWN, identify_edition
from segmentation.store.catalogue.pruned import is_pruned
from segmentation.store.edition.manifests import MANIFEST, try_read_manifest
from segmentation.store.edition.sealed_files import describe_problem, read_sealed_digests
from segmentation.store.erasures import refuse_erased_rows
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import EVIDENCE, KNOWN_CUSTOMERS, SUMS, edition_folder, get_home
from segmentation.store.repair.restoring import restore_table

MODEL_FILES = (MANIFEST, "model.json")


class PreviousState(NamedTuple):
    """What prevents a night from continuing an edition: damage, or a model that does not fit the definition.

    Without either: repairs that were made, and whether the history of earlier dates or the evidence for k is
    damaged.
    """

    damage: str = ""
    misfit: str = ""
    repairs: tuple[str, ...] = ()
    has_lost_history: bool = False
    has_lost_evidence: bool = False


def confirm_previous(night: Night, key: EditionKey, content: dict[str, Any]) -> EditionKey:
    """The key, once the previous edition has been checked, or that of a night which starts over with new ids.

    content: as in edition_key.py. Refused if the edition cannot be continued and nobody has accepted new ids,
    tonight or when this date was published.
    """
    ref = get_previous_ref(key)
    if ref is None:
        return key
    refuse_erased_rows(get_home(night), ref)
    state = check_previous(night, ref)
    if state.damage or state.misfit:
        if not night.accept_new_ids and not was_accepted(night):
            if state.damage:
                raise make_damage_refusal(night, ref, state.damage)
            raise make_misfit_refusal(ref, state.misfit)
        return _start_over(key, content, state)
    return key.model_copy(
        update={
            "edition": name_edition(
                content,
                ref,
                starts_history=state.has_lost_history,
                lost_evidence=state.has_lost_evidence,
            ),
            "starts_history": state.has_lost_history,
            "lost_evidence": state.has_lost_evidence,
            "store_warnings": state.repairs,
        }
    )


def get_previous_ref(key: EditionKey) -> EditionRef | None:
    """The previous edition; None for the first one."""
    if key.previous is None or key.previous_as_of is None:
        return None
    return EditionRef(key.previous_as_of, key.previous)


def _start_over(key: EditionKey, content: dict[str, Any], state: PreviousState) -> EditionKey:
    """The key of a night whose segments get new ids."""
    changes: dict[str, Any] = {"accept_new_ids": True}
    ref = get_previous_ref(key)
    if ref is not None and state.damage:
        # Nothing of a damaged edition is used, so its name is left out too, in whatever way it is damaged.
        warning = f"{describe_edition(ref)} cannot be used ({state.damage}); new ids were accepted"
        changes |= {"previous": None, "previous_as_of": None, "store_warnings": (warning,)}
        ref = None
    return key.model_copy(update={"edition": name_edition(content, ref, accept_new_ids=True), **changes})


def check_previous(night: Night, ref: EditionRef) -> PreviousState:
    """Check the files of an edition that a night reads, and no others; restore its table if possible."""
    home = get_home(night)
    if ref.edition == UNKNOWN:
        return PreviousState(damage="its published table is lost, and the store does not tell which it was")
    folder = edition_folder(home, *ref)
    try:
        digests = read_sealed_digests(folder)
    except FileNotFoundError:
        missing = "it was pruned" if is_pruned(home, ref.edition) else "its folder is missing"
        return PreviousState(damage=f"{SUMS} is missing" if folder.is_dir() else missing)
    except OSError as error:
        return PreviousState(damage=f"{SUMS} cannot be read ({error.strerror})")
    if damage := list_damage(folder, MODEL_FILES, digests):
        return PreviousState(damage=damage)
    try:
        previous = read_previous_model(folder, night.definition)
    except Refused as error:
        # As sealed, and yet not readable: another version made it, or its folder was renamed.
        return PreviousState(damage=error.message)
    if isinstance(previous, str):
        return PreviousState(misfit=previous)
    return _check_tables(night, ref, previous, digests)


def _check_tables(
    night: Night, ref: EditionRef, previous: PreviousModel, digests: dict[str, str]
) -> PreviousState:
    home = get_home(night)
    folder = edition_folder(home, *ref)
    table = restore_table(home, ref, digests, f"the run of {night.as_of}")
    # Without ids nobody is looked up in the table: segments are matched by their centres.
    has_ids = night.definition.rows.id is not None
    if has_ids and table.problem:
        return PreviousState(damage=table.problem)
    if has_ids and is_combining(previous.manifest) and (damage := list_damage(folder, (CONTESTED,), digests)):
        return PreviousState(damage=damage)
    # Only an edition knows who was in a table of customers before; events can be read again.
    is_needed = night.definition.groups is not None and night.definition.summary is None
    needed_files = (KNOWN_CUSTOMERS,) if is_needed and KNOWN_CUSTOMERS in digests else ()
    if damage := list_damage(folder, needed_files, digests):
        return PreviousState(damage=damage)
    # Both begin again together, so that their dates agree. Editions of earlier versions have no trends.
    has_lost_history = any(
        name in digests and describe_problem(folder, name, digests) is not None
        for name in (HISTORY_FILE, TRENDS_FILE)
    )
    # Without it, tonight measures every k. By the manifest: a damaged list of digests may lack the file.
    lost_evidence = EVIDENCE in previous.manifest.files and bool(list_damage(folder, (EVIDENCE,), digests))
    repairs = (table.repair,) if table.repair else ()
    return PreviousState(repairs=repairs, has_lost_history=has_lost_history, has_lost_evidence=lost_evidence)


def read_continued(night: Night, ref: EditionRef) -> PreviousModel:
    """The model that the night continues. Refused if its files were damaged since ingest checked them."""
    folder = edition_folder(get_home(night), *ref)
    try:
        damage = list_damage(folder, MODEL_FILES, read_sealed_digests(folder))
    except OSError as error:
        damage = f"{SUMS} cannot be read ({error.strerror})"
    if damage:
        raise make_damage_refusal(night, ref, damage)
    previous = read_previous_model(folder, night.definition)
    if isinstance(previous, str):
        raise make_misfit_refusal(ref, previous)
    return previous


def list_damage(folder: AnyPath, names: Iterable[str], digests: dict[str, str]) -> str:
    """The problems of these files in words; empty if they are as they were sealed."""
    problems = (describe_problem(folder, name, digests) for name in names)
    return "; ".join(problem for problem in problems if problem is not None)


def is_combining(manifest: Manifest) -> bool:
    """May the edition have contested customers?"""
    return bool((manifest.definition.get("refit") or {}).get("mode") == "combine")


def was_accepted(night: Night) -> bool:
    """Did a person accept new ids when this date was published?"""
    home = get_home(night)
    edition = identify_edition(home, night.as_of)
    manifest = try_read_manifest(edition_folder(home, night.as_of, edition)) if edition else None
    return manifest is not None and manifest.accept_new_ids


def make_damage_refusal(night: Night, ref: EditionRef, damage: str) -> DamagedFile:
    """The refusal of a night whose previous edition is damaged, with all ways out."""
    name = night.definition.name
    return DamagedFile(
        "damaged-previous",
        f"{describe_edition(ref)}, on which {night.as_of} builds, cannot be used: {damage}. Without it every "
        f"segment would get a new id, so nothing was published. 'resegment audit {name}' says what can be "
        "repaired. Else put its folder back from a backup, or make it again with 'resegment backfill "
        f"{name} --start {ref.as_of} --end {ref.as_of} --mode rebuild'; then run {night.as_of} again. Only "
        "if nothing helps, accept new ids for this run: --accept-new-ids, or accept_new_ids in the form",
    )


def make_misfit_refusal(ref: EditionRef, misfit: str) -> Refused:
    """The refusal of a night whose definition needs another model than the previous edition has."""
    return Refused(
        "other-features",
        f"{describe_edition(ref)} cannot be continued: {misfit}. Every segment would get a new id, and the "
        "names that people set would stay with the old ones, so nothing was published. If that is intended, "
        "run it once with --accept-new-ids, or accept_new_ids in the form; else undo the change of the "
        "definition",
    )


def describe_edition(ref: EditionRef) -> str:
    """`the edition of 2026-01-30 (0490df720cd6db09)`."""
    return f"the edition of {ref.as_of}" + (f" ({ref.edition})" if ref.edition else "")
