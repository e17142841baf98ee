"""validation.json: what became known about a past edition's customers, by the edition's date.

A page shows the newest validation whose horizon had ended by its date. So that the same run has the same
bytes, the edition's manifest keeps what its page shows. Judging is in segmentation/outcomes/.
"""

from datetime import date

from schemas.night import Night
from schemas.validation import Validation
from segmentation.errors import DamagedFile
from segmentation.store.catalogue.published import readable_edition
from segmentation.store.edition.manifests import try_read_manifest
from segmentation.store.files.durable import write_durably
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import read_small_file
from segmentation.store.layout import edition_folder, get_home

FOLDER = "validations"
VALIDATION_FILE = "validation.json"
VALIDATION_TABLE = "validation.parquet"


def validation_folder(home: AnyPath, as_of: date) -> AnyPath:
    """Where the validation of a date's edition is."""
    return home / FOLDER / str(as_of)


def list_validated_dates(home: AnyPath) -> list[date]:
    """Dates with a validation, ascending."""
    dates = []
    for path in (home / FOLDER).glob(f"*/{VALIDATION_FILE}"):
        try:
            dates.append(date.fromisoformat(path.parent.name))
        except ValueError:
            continue  # not a folder of ours
    return sorted(dates)


def read_validation(home: AnyPath, as_of: date) -> Validation | None:
    """The validation of a date's edition; None without one. Refused if the file is damaged."""
    return read_small_file(
        validation_folder(home, as_of) / VALIDATION_FILE,
        Validation.model_validate_json,
        "what 'resegment validate' found",
        advise_validation(home, as_of),
    )


def advise_validation(home: AnyPath, as_of: date) -> str:
    """What to do about a damaged validation."""
    return f"make it again with 'resegment validate {home.name} --as-of {as_of}', or remove its folder"


def write_validation(home: AnyPath, validation: Validation) -> AnyPath:
    """Write validation.json, which replaces an earlier one of the date."""
    path = validation_folder(home, validation.as_of) / VALIDATION_FILE
    write_durably(path, validation.model_dump_json(indent=1).encode() + b"\n")
    return path


def look_up_newest(home: AnyPath, as_of: date) -> Validation | None:
    """The newest validation of an earlier date whose horizon had ended by this one."""
    for day in reversed(list_validated_dates(home)):
        validation = _try_read(home, day) if day < as_of else None
        if validation is not None and validation.until <= as_of:
            return validation
    return None


def list_newest_validations(home: AnyPath, count: int) -> tuple[Validation, ...]:
    """The validations of the newest dates, newest first; without damaged ones."""
    newest = list_validated_dates(home)[-count:]
    validations = (_try_read(home, day) for day in reversed(newest))
    return tuple(validation for validation in validations if validation is not None)


def _try_read(home: AnyPath, as_of: date) -> Validation | None:
    try:
        return read_validation(home, as_of)
    except DamagedFile:
        return None  # a night does not fail because of what only its page shows


def choose_validation(night: Night) -> Validation | None:
    """The validation that tonight's page shows.

    A date that is published keeps what it was published with: validating an older edition later must not
    make another edition of it.
    """
    home = get_home(night)
    # Where nobody validates, a night reads nothing more than before.
    if night.definition.outcome is None and not (home / FOLDER).is_dir():
        return None
    published = readable_edition(home, night.as_of)
    manifest = try_read_manifest(edition_folder(home, night.as_of, published)) if published else None
    return look_up_newest(home, night.as_of) if manifest is None else manifest.validation
