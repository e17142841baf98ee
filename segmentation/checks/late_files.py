"""The check of late files. Detecting them belongs in segmentation/sources/late_files.py."""

from schemas.late_files import LateFiles
from schemas.verdicts import Check

NAME = "late-files"


def check_late_files(late: LateFiles, counts_typed: bool) -> Check:
    """No file that the previous edition should have read has arrived, changed or vanished since.

    Typed files count only if asked for: an edition says nothing about the layout of its rows otherwise.
    """
    changes = late.text.merge(late.typed) if counts_typed else late.text
    finding = "no file is late" if late.since else "no edition before to compare files with"
    if not changes.is_empty:
        finding = f"{changes.describe()} since the edition of {late.since}"
    return Check(name=NAME, required=False, passed=changes.is_empty, finding=finding)


def warn_of_late_files(late: LateFiles, name: str, counts_typed: bool) -> tuple[str, ...]:
    """What the run says beyond the check: late files that no edition names, and the editions to redo."""
    warnings = []
    if not late.typed.is_empty and not counts_typed:
        warnings.append(f"{NAME}: {late.typed.describe()} since the edition of {late.since}")
    if late.editions:
        warnings.append(f"{NAME}: {late.advice}; redo them with: resegment backfill {name} --mode changed")
    return tuple(warnings)
