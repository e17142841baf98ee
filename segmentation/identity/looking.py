"""When to look at k: fit and evaluate every k, instead of carrying on the evidence of an earlier night.

What a look measures is in schemas/look.py. Whether its choice replaces last night's k is decided in
refitting.py.
"""

from datetime import date
from typing import NamedTuple

from pydantic import ValidationError

from config.clauses import KOptions
from schemas.look import Look
from schemas.manifest import Manifest
from schemas.wording import format_count
from segmentation.errors import DamagedFile
from segmentation.store.edition.sealed_files import describe_problem, read_sealed_digests
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import EVIDENCE


class LookOccasion(NamedTuple):
    """What may call for a look.

    last: date of the last look, None if it is not known. changed: the definition. refits: the model.
    emptied: segments that have hardly any customers left. wanted_k: another k that is pending.
    """

    as_of: date
    last: date | None
    changed: bool
    refits: bool
    emptied: int
    wanted_k: int | None


def explain_look(options: KOptions, occasion: LookOccasion) -> str | None:
    """Why tonight looks at k; None where the evidence of the last look is carried on."""
    if occasion.last is None:
        return "the evidence of the previous edition is not known"
    age = (occasion.as_of - occasion.last).days
    findings = (
        (occasion.changed, "the definition changed"),
        (occasion.refits, "the model is refitted"),
        (occasion.wanted_k is not None, f"k = {occasion.wanted_k} is pending"),
        (occasion.emptied > 0, f"{occasion.emptied} segments have hardly any customers left"),
        (age >= options.look_every, f"the last look was {format_count(age, 'day')} ago"),
    )
    return next((reason for is_so, reason in findings if is_so), None)


def read_look(folder: AnyPath, manifest: Manifest) -> Look | None:
    """The evidence that an edition has; None for an edition of an earlier version.

    Raises DamagedFile if the file is not as it was sealed: ingest has seen it whole.
    """
    if EVIDENCE not in manifest.files:
        return None
    problem = describe_problem(folder, EVIDENCE, read_sealed_digests(folder))
    try:
        if problem is None:
            return Look.model_validate_json((folder / EVIDENCE).read_bytes())
    except ValidationError:
        problem = f"{EVIDENCE} has another form than this version reads"
    raise DamagedFile(
        "damaged-previous",
        f"{problem}, in the edition of {manifest.as_of}; start a new run to measure k again",
    )
