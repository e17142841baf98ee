"""The rows of sweep.parquet: inertia and every measure, by k."""

import numpy as np
import pandas as pd

from schemas.evidence import Choice
from schemas.tables import SWEEP
from segmentation.k.votes import log_inertia


def tabulate_sweep(choice: Choice) -> pd.DataFrame:
    """One row per k; NaN where a measure has no value."""
    inertia = np.array([point.inertia for point in choice.curve])
    k = np.array([point.k for point in choice.curve])
    measures = pd.DataFrame([measures.sweep_row() for measures in choice.measures])
    curve = pd.DataFrame({"k": k, "inertia": inertia, "log_inertia": log_inertia(inertia)})
    rows = curve.merge(measures, on="k").assign(is_chosen=k == choice.k)
    floats = [name for name, column in SWEEP.columns.items() if str(column.dtype) == "float64"]
    return rows[list(SWEEP.columns)].astype(dict.fromkeys(floats, "float64"))
