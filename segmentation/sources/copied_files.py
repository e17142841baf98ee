"""Files whose names say that they are copies of another file, or the same file in another format.

Copies under other names are recognised by their rows, in segmentation/rows/judging/deliveries.py.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from schemas.wording import list_names
from segmentation.errors import Refused
from segmentation.sources.dated_names import span_in_name
from segmentation.sources.file_formats import get_stem

MOST_NAMED = 3
_COPY = "copy|kopie|copie|copia"
# How browsers, file managers, sync tools and people mark a copy, at the end of a name or at its start.
_MARKS = re.compile(
    rf"""(
        [ _-]*\(\d+\)                                  # 2026-01-31 (1)
      | [ _–-]+({_COPY})([ _-]*\(?\d+\)?)?             # 2026-01-31 - Copy (2)
      | [ _-]*\([^()]*(conflicted|in[ ]Konflikt)[^()]*\)   # Dropbox
      | \.sync-conflict-[\w-]+                         # Syncthing
      | [ _.-](bak|backup|old|orig|v\d+|fixed|corrected|final|resent)
      | ~+
    )$""",
    re.IGNORECASE | re.VERBOSE,
)
_STARTS = re.compile(rf"^({_COPY})([ ]\(\d+\))?[ _-](of|von|de|di)[ _-]", re.IGNORECASE)


def refuse_copies(names: Sequence[str], pattern: str | None) -> list[str]:
    """Refuse two files of one day if one is named as a copy of the other, or both have the same stem.

    `names` are below the source's folder. Without a date in the name a copy is only warned of, because a
    browser numbers every download of the same report.
    """
    stems: dict[str, list[str]] = {}
    for name in names:
        stems.setdefault(get_stem(name), []).append(name)
    twins = [(files[0], file) for files in stems.values() for file in files[1:]]
    copies = [
        (stems[original][0], name)
        for name in names
        if (original := strip_marks(get_stem(name))) != get_stem(name) and original in stems
    ]
    is_dated = pattern is not None
    certain = [*twins, *(pair for pair in copies if is_dated and span_in_name(pair[1], str(pattern)))]
    if certain:
        raise Refused(
            "copied-file",
            f"{_list_pairs(certain)}: by its name, the second is a copy of the first, and would count twice. "
            "Remove one of them, or declare rows.key, the columns that identify an event",
        )
    return [f"by their names, files may be copies of others: {_list_pairs(copies)}"] if copies else []


def strip_marks(stem: str) -> str:
    """The stem of the file that this one is a copy of, or the stem itself.

    >>> strip_marks("eu/2026-01-31 - Copy (2)"), strip_marks("Copy of 2026-01-31"), strip_marks("part-1")
    ('eu/2026-01-31', '2026-01-31', 'part-1')
    """
    folder, name = PurePosixPath(stem).parent, PurePosixPath(stem).name
    stripped = _STARTS.sub("", name)
    while (shorter := _MARKS.sub("", stripped)) not in ("", stripped):
        stripped = shorter
    return stripped if str(folder) == "." else f"{folder}/{stripped}"


def _list_pairs(pairs: Sequence[tuple[str, str]]) -> str:
    return list_names([f"{first} and {second}" for first, second in pairs], MOST_NAMED, "pair", "; ")
