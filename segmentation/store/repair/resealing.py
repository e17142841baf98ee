"""SHA256SUMS of an edition, computed again where everything else vouches for the edition's files.

The table's footer vouches for the manifest, the manifest for all files but the table, the table's checksums
and sizes for it. Sealing a new edition is in tasks/publish.py.
"""

import pyarrow as pa

from schemas.manifest import EditionRef, Manifest
from segmentation.errors import DamagedFile
from segmentation.parts import hash_file, open_parquet
from segmentation.store.edition.footers import read_footer
from segmentation.store.edition.manifests import MANIFEST, read_manifest
from segmentation.store.erasures import get_recorded_digests, read_erasures
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import SEGMENTS, SUMS, edition_folder


def compute_sums(home: AnyPath, ref: EditionRef) -> bytes | None:
    """The content of an edition's SHA256SUMS; None if a file is not what the others vouch for."""
    folder = edition_folder(home, *ref)
    try:
        manifest = read_manifest(folder)
        digests = get_recorded_digests(home, ref, folder)
        actual = {path.name: hash_file(path) for path in folder.iterdir() if path.name != SUMS}
        is_erased = bool(read_erasures(home, ref))
    except (DamagedFile, OSError):
        return None
    if {MANIFEST, SEGMENTS, *digests} != actual.keys():
        return None
    is_whole = SEGMENTS in digests or (not is_erased and _is_whole(folder, manifest))
    if not is_whole or read_footer(folder / SEGMENTS) != (ref.edition, actual[MANIFEST]):
        return None
    if any(actual[name] != digest for name, digest in digests.items()):
        return None
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(actual.items())).encode()


def _is_whole(folder: AnyPath, manifest: Manifest) -> bool:
    """Are all pages of the table as they were written, with the manifest's customers in each segment?"""
    counts: dict[str, int] = {}
    try:
        with open_parquet(folder / SEGMENTS, page_checksum_verification=True) as table:
            for group in range(table.num_row_groups):
                # All columns, for their checksums.
                values = table.read_row_group(group, use_threads=False)["segment_id"].value_counts()
                for entry in values.to_pylist():
                    counts[entry["values"]] = counts.get(entry["values"], 0) + entry["counts"]
    except (OSError, pa.ArrowException, KeyError):
        return False
    return counts == {name: size for name, size in manifest.sizes.items() if size}
