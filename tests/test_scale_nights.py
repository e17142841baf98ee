"""What stage scale does on a night that fits nothing."""

from pathlib import Path

import numpy as np
import pytest

from schemas.clustering import Candidate
from schemas.evidence import Curve, Evidence
from schemas.identity import PreviousEdition
from schemas.look import Look
from schemas.model import Model
from schemas.numbers import Training
from segmentation.parts import read_part
from tasks.scale import scale
from tests.stage_records import make_customers
from tests.test_scale import NightMaker, run, write_customers


def test_a_night_that_carries_a_look_writes_no_scaled_features(
    make_night: NightMaker, tmp_path: Path
) -> None:
    """It has the same even sample and the k of the look, and no file that a fit could read."""
    values = np.random.default_rng(7).lognormal(3, 1, (2, 1_000))
    parts, night = write_customers(tmp_path, *values), make_night()
    fitting = run(night, parts)
    uniform, candidate = read_part(fitting.sample.uniform), Candidate(k=3, centres=(), passes=1)
    model = Model(
        name="m",
        version="1",
        encodings=fitting.encodings,
        columns=fitting.columns,
        quantum=fitting.quantum,
        trained=Training(as_of=night.as_of, since=night.as_of, customers=1, inertia=1.0, bins=()),
        segment_ids=("S01",),
        centres=((0.0, 0.0),),
    )
    evidence = Evidence(measures=(), natural=(), rows=0, distinct=0)
    look = Look(as_of=night.as_of, candidates=(candidate,), curve=Curve(points=()), evidence=evidence)
    carrying = scale(night, make_customers(parts), PreviousEdition(model=model, look=look))
    assert read_part(carrying.sample.uniform).equals(uniform)
    assert (carrying.ks, carrying.parts, carrying.sample.file) == ((3,), (), None)
    assert sorted(path.name for path in (night.staging / "scale").iterdir()) == ["even.parquet"]
    with pytest.raises(RuntimeError, match="fits no model"):
        _ = carrying.sample.part
