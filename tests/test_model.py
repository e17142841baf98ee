"""Reading, writing and applying a model: labels against brute force, refusals of damaged files."""

import json
from pathlib import Path

import numpy as np
import pytest

from schemas.model import Model
from schemas.numbers import ColumnScale, Encoding
from segmentation.canonical import to_json
from segmentation.errors import Refused
from segmentation.features.grid import snap
from segmentation.model import assign, compute_original_centres, read_model, scale_features
from tests.conftest import TRAINING

RANDOM = np.random.default_rng(11)


def make_model(k: int) -> Model:
    """A model of two features, one of them on a log scale, with a constant one between."""
    common = {"shift": 1.0, "scale": 2.0, "weight": 1.5, "reason": "x", "excluded": False}
    columns = (
        ColumnScale(feature="a", transform="log-standard", **common),
        ColumnScale(feature="b", transform="none", **{**common, "excluded": True}),
        ColumnScale(feature="c", transform="standard", **common),
    )
    centres = snap(RANDOM.uniform(-3, 3, (k, 2)), 2.0**-20)
    return Model(
        name="demo",
        version="1",
        encodings=tuple(Encoding(name=column.feature, column=column.feature) for column in columns),
        columns=columns,
        quantum=2.0**-20,
        trained=TRAINING,
        segment_ids=tuple(f"S{i:02d}" for i in range(1, k + 1)),
        centres=tuple(map(tuple, centres.tolist())),
    )


def test_assignment_agrees_with_brute_force() -> None:
    """Label, distance, runner-up and margin agree with sorting all distances, also across blocks."""
    x = snap(RANDOM.uniform(-3, 3, (3, 9000)), 2.0**-20)
    centres = snap(RANDOM.uniform(-3, 3, (6, 3)), 2.0**-20)
    assignment = assign(x, centres)
    plain = np.sqrt(((x.T[:, None, :] - centres[None]) ** 2).sum(axis=2))
    order = plain.argsort(axis=1, kind="stable")
    rows = np.arange(9000)
    first, second = plain[rows, order[:, 0]], plain[rows, order[:, 1]]
    assert np.array_equal(assignment.label, order[:, 0])
    assert np.array_equal(assignment.runner_up, order[:, 1])
    assert assignment.distance == pytest.approx(first, rel=1e-6, abs=1e-7)
    assert assignment.margin == pytest.approx(1 - first / second, abs=1e-6)
    assert [part.dtype.name for part in assignment] == ["int32", "float32", "float32", "int32"]


def test_margin_by_hand() -> None:
    """Between centres 0 and 4: 1 has margin 2/3, the middle 0, a centre 1."""
    assignment = assign(np.array([[1.0, 2.0, 4.0]]), np.array([[0.0], [4.0]]))
    assert assignment.label.tolist() == [0, 0, 1]
    assert assignment.margin.tolist() == pytest.approx([2 / 3, 0.0, 1.0])


def test_margin_of_twin_centres_is_zero() -> None:
    """With two equal centres the margin is 0, the first is the label, the second the runner-up."""
    assignment = assign(np.array([[5.0]]), np.array([[5.0], [5.0]]))
    assert (assignment.label[0], assignment.runner_up[0], assignment.margin[0]) == (0, 1, 0.0)


def test_one_segment_has_no_runner_up() -> None:
    """With k = 1 the runner-up is -1 and the margin NaN."""
    assignment = assign(np.array([[3.0, 4.0]]), np.array([[0.0]]))
    assert assignment.label.tolist() == [0, 0]
    assert assignment.distance.tolist() == [3.0, 4.0]
    assert assignment.runner_up.tolist() == [-1, -1]
    assert np.isnan(assignment.margin).all()


def test_no_customers_have_no_labels() -> None:
    """An empty table gives empty columns of the same types."""
    assignment = assign(np.empty((2, 0)), np.zeros((3, 2)))
    assert [part.size for part in assignment] == [0, 0, 0, 0]
    assert [part.dtype.name for part in assignment] == ["int32", "float32", "float32", "int32"]


@pytest.mark.parametrize("k", [1, 5])
def test_a_reloaded_model_gives_the_same_labels(tmp_path: Path, k: int) -> None:
    """A model read from its file is equal, writes the same bytes, and gives the nearest centre."""
    model = make_model(k)
    path = tmp_path / "model.json"
    path.write_bytes(to_json(model))
    reloaded = read_model(path)
    assert reloaded == model
    assert to_json(reloaded) == path.read_bytes()
    original = RANDOM.uniform(0, 9, (3, 200))
    scaled = scale_features(reloaded, original)
    plain = [(np.log1p(original[0]) - 1) / 2 * 1.5, (original[2] - 1) / 2 * 1.5]
    assert np.abs(scaled - np.stack(plain)).max() <= 2.0**-21
    distances = ((scaled.T[:, None] - np.array(model.centres)[None]) ** 2).sum(axis=2)
    assert np.array_equal(assign(scaled, reloaded.centre_matrix()).label, distances.argmin(axis=1))


def test_original_centres_invert_the_scaling() -> None:
    """Centres in original units scale to the centres again; the constant feature has its value."""
    model = make_model(4)
    original = compute_original_centres(model)
    assert original[:, 1].tolist() == [1.0] * 4
    assert np.abs(scale_features(model, original.T).T - model.centre_matrix()).max() <= 2.0**-20


def test_json_is_canonical() -> None:
    """Keys are sorted and the file ends in a newline."""
    text = to_json(make_model(2)).decode()
    assert text.endswith("}\n")
    assert list(json.loads(text)) == sorted(json.loads(text))


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"name": 1}', to_json(make_model(2))[:-40]]
)
def test_a_damaged_model_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty, foreign or truncated file is refused with the code `model`."""
    path = tmp_path / "model.json"
    path.write_bytes(content)
    with pytest.raises(Refused) as refusal:
        read_model(path)
    assert refusal.value.code == "model"


def test_missing_model_is_refused(tmp_path: Path) -> None:
    """A missing file is refused with the code `model`."""
    with pytest.raises(Refused, match="model"):
        read_model(tmp_path / "model.json")


def test_model_whose_parts_disagree_is_refused(tmp_path: Path) -> None:
    """A model with fewer ids than centres, or centres of another width, is refused."""
    whole = json.loads(to_json(make_model(3)))
    for change in ({"segment_ids": ["S01"]}, {"centres": [[1.0]] * 3}, {"quantum": 0.0}):
        path = tmp_path / "model.json"
        path.write_text(json.dumps({**whole, **change}))
        with pytest.raises(Refused, match="model"):
            read_model(path)
