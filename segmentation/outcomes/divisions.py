"""The other divisions that a past night tried: which of their segments each customer would be in.

Nothing is fitted: their centres are in the edition's alternatives.parquet. What they say about the outcome is
computed in held_out.py, as for published segments.
"""

import json
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.manifest import Manifest
from schemas.model import Model
from segmentation.features.encoding import encode
from segmentation.features.grid import nearest_centres, squared_distances
from segmentation.model import read_model, scale_customers
from segmentation.parts import read_table, to_matrix
from segmentation.store.edition.manifests import check_file
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import advise_audit, damaged

ALTERNATIVES_FILE = "alternatives.parquet"
MODEL_FILE = "model.json"


class Divisions(NamedTuple):
    """An edition's divisions that were not published: the centres (k, d') of each k, in the model's units."""

    model: Model | None = None
    ks: tuple[int, ...] = ()
    centres: tuple[np.ndarray, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The columns of segments.parquet that labels are computed from."""
        return sorted(self.model.features) if self.model is not None else []

    def label(self, rows: pa.Table) -> np.ndarray:
        """The nearest centre of each customer in each division: int16 (n, divisions)."""
        labels = np.zeros((rows.num_rows, len(self.centres)), np.int16)
        if self.model is None or not rows.num_rows:
            return labels
        scaled = scale_customers(self.model, to_matrix(encode(rows, self.model.encodings))).matrix
        for column, centres in zip(labels.T, self.centres, strict=True):
            column[:] = nearest_centres(squared_distances(scaled, centres))[0]
        return labels


def read_divisions(folder: AnyPath, manifest: Manifest) -> Divisions:
    """The edition's other divisions with two segments or more; none for one of an earlier version."""
    if ALTERNATIVES_FILE not in manifest.files:
        return Divisions()
    path = check_file(folder, ALTERNATIVES_FILE)
    try:
        table = read_table(path, ["k", "is_published", "centre"]).to_pandas()
    except (OSError, pa.ArrowException) as error:
        problem, advice = (
            f"cannot be read ({type(error).__name__})",
            advise_audit(folder.parent.parent.parent),
        )
        raise damaged(path, problem, "the file that was sealed", advice) from None
    candidates = table[~table["is_published"] & (table["k"] > 1)]
    centres = {
        int(str(k)): np.array([json.loads(text) for text in rows["centre"]], np.float64)
        for k, rows in candidates.groupby("k", sort=True)
    }
    model = read_model(check_file(folder, MODEL_FILE))
    return Divisions(model, tuple(centres), tuple(centres.values()))
