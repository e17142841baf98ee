"""Is an edition that a run has built in the store already, whole? Then its files are left alone.

Committing is in publication/, the audit of a whole store in repair/audit.py.
"""

from pathlib import Path

from segmentation.parts import hash_file
from segmentation.store.edition.manifests import MANIFEST, try_read_manifest
from segmentation.store.edition.sealed_files import read_sums
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import SEGMENTS, SUMS

# What differs when only the environment does: the manifest, and the table whose footer has its digest.
_OF_ENVIRONMENT = frozenset((MANIFEST, SEGMENTS))


def is_same_edition(source: Path, folder: AnyPath) -> bool:
    """Has the folder the same files as the built edition, every byte as its SHA256SUMS says?

    An edition that another Python or Prefect made counts as the same: they are in the manifest only, and
    what is published under a name is not changed any more.
    """
    try:
        expected, sums = read_sums(source), read_sums(folder)
        differing = {name for name in expected if sums.get(name) != expected[name]}
        if sums.keys() != expected.keys() or differing not in (set(), _OF_ENVIRONMENT):
            return False
        if {path.name for path in folder.iterdir()} != {*sums, SUMS}:
            return False
        if not all(hash_file(folder / name) == sums[name] for name in sums):
            return False
    except (OSError, ValueError):
        return False
    return not differing or _differ_by_environment(source, folder)


def _differ_by_environment(source: Path, folder: AnyPath) -> bool:
    manifests = try_read_manifest(source), try_read_manifest(folder)
    if None in manifests:
        return False
    contents = [manifest.model_dump(exclude={"environment"}) for manifest in manifests if manifest]
    return contents[0] == contents[1]
