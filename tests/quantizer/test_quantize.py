"""From a float model to an int8 file that the references and the generated C run alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mcugen
from mcugen import interpret, passes, reference
from mcugen.errors import DataError, UnsupportedModelError
from mcugen.exporters.builder import ModelBuilder
from mcugen.importers import tflite as importer
from mcugen.ir import DType, Graph
from mcugen.ops.kernels import round_once
from mcugen.quantizer.batch import Batch, sqnr_db
from mcugen.quantizer.calibration import calibrate
from mcugen.quantizer.config import Activations, Config, Effort, Pass
from mcugen.quantizer.equalize import equalize
from mcugen.quantizer.judge import Judge
from mcugen.quantizer.pipeline import Quantized, quantize
from mcugen.quantizer.ranges import Method

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
MODEL = DIGITS / "digits_float32.tflite"
DATA = DIGITS / "digits_test.npz"
REAL_MODELS = ("ad", "digits_cnn", "hello_world", "ic", "kws", "vww")


@pytest.fixture(scope="module")
def digits() -> Graph:
    return passes.run(importer.load(MODEL))


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    with np.load(DATA) as file:
        return file["x"][:64]


@pytest.fixture(scope="module")
def unseen() -> np.ndarray:
    with np.load(DATA) as file:
        return file["x"][64:]


def run(graph: Graph, samples: object, **choices: object) -> Quantized:
    tensors = [graph.tensors[i] for i in graph.inputs]
    return quantize(graph, calibrate(samples, tensors), Config(**choices))


def quality(result: Quantized, samples: np.ndarray) -> float:
    batch = Batch.of(result.floating, [[x[np.newaxis]] for x in samples])
    return sqnr_db(batch.outputs(), batch.quantized(result.parameters))


def judged(result: Quantized, samples: np.ndarray) -> float:
    """What the passes raise: the signal-to-noise ratio before the softmax."""
    judge = Judge(result.floating)
    batch = Batch.of(judge.judged(result.floating), [[x[np.newaxis]] for x in samples])
    return judge.score(batch.outputs(), batch.quantized(result.parameters))


# ---- the whole way


def test_the_file_and_the_c_compute_the_same_bytes(tmp_path: Path) -> None:
    result = mcugen.validate(MODEL, "host", DATA, limit=60, calibration=DATA)
    assert result.exact and result.quantization is not None
    accuracy = {a.who: a.value for a in result.accuracies}
    assert next(iter(accuracy)) == "float"
    assert accuracy["emulated"] >= accuracy["float"] - 0.02
    assert result.quantization.worst


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL_MODELS)
def test_real_models_are_exact_from_float_file_to_c(
    shared: Path, tmp_path: Path, name: str
) -> None:
    with np.load(shared / "golden" / f"{name}_float32.npz") as golden:
        x = np.concatenate([golden[f"x{k}_0"] for k in range(int(golden["n"]))])
    np.savez(tmp_path / "x.npz", x=x)
    model = shared / "models" / f"{name}_float32.tflite"
    result = mcugen.validate(
        model, "host", tmp_path / "x.npz", calibration=x, config=Config(effort=Effort.LOW)
    )
    assert result.exact, result.verdict
    assert {c.reference for c in result.comparisons} >= {"TFLM"}


@pytest.mark.parametrize("float_edges", [False, True])
def test_both_references_run_the_file(
    tmp_path: Path, images: np.ndarray, float_edges: bool
) -> None:
    path = tmp_path / "q.tflite"
    made = mcugen.quantize(MODEL, images, output=path, float_edges=float_edges)
    assert path.read_bytes() == made.model.content
    graph = made.model.compiled()
    tensor = graph.tensors[graph.inputs[0]]
    for image in images[:4]:
        q = np.rint(image / tensor.scale) + tensor.zero_point
        integer = np.clip(q, -128, 127).astype(np.int8)[np.newaxis]
        expected = interpret.outputs(graph, [integer])[0]
        given = image[np.newaxis] if float_edges else integer
        found = reference.tflm(made.model.content).outputs([given])[0]
        if float_edges:
            expected = (expected.astype(np.float32) + 128) / 256
        np.testing.assert_array_equal(found, expected)
        assert reference.litert(made.model.content).outputs([given])[0].dtype == found.dtype


def test_the_same_samples_give_the_same_bytes(images: np.ndarray) -> None:
    first, second = (mcugen.quantize(MODEL, images).model.content for _ in range(2))
    assert first == second


# ---- passes


def test_every_pass_can_be_disabled(digits: Graph, images: np.ndarray) -> None:
    names = {"minmax"}
    for step in Pass:
        result = run(digits, images[:16], effort=Effort.HIGH, disable=frozenset(Pass) - {step})
        names |= {s.name.split(":")[0].split()[0] for s in result.steps}
    without = {Pass.MEANS, Pass.MATCH}  # there is no global pool, and no rounding to match for
    assert names == {"minmax", *(step.value for step in set(Pass) - without)}
    plain = run(digits, images[:16], disable=frozenset(Pass))
    assert [s.name for s in plain.steps] == ["minmax ranges, weights to the nearest"]
    assert plain.floating is digits


def test_passes_lower_the_error_on_images_that_they_never_saw(
    digits: Graph, images: np.ndarray, unseen: np.ndarray
) -> None:
    plain, better = run(digits, images, disable=frozenset(Pass)), run(digits, images)
    assert judged(better, unseen) > judged(plain, unseen) + 2.0


def test_the_log_never_keeps_what_makes_it_worse(digits: Graph, images: np.ndarray) -> None:
    steps = run(digits, images, effort=Effort.HIGH).steps
    best = -np.inf
    for step in steps:
        assert step.kept == (step.sqnr_db > best)
        best = max(best, step.sqnr_db)


def test_equalization_keeps_the_float_function(digits: Graph, images: np.ndarray) -> None:
    batch = Batch.of(digits, [[x[np.newaxis]] for x in images[:8]])
    balanced = equalize(digits, batch)
    assert balanced is not digits
    again = Batch.of(balanced, [[x[np.newaxis]] for x in images[:8]])
    np.testing.assert_allclose(again.outputs()[0], batch.outputs()[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", list(Method))
def test_every_method_serves(digits: Graph, images: np.ndarray, method: Method) -> None:
    result = run(digits, images, method=method, effort=Effort.LOW)
    assert result.method is method
    assert quality(result, images) > 20.0


def test_a_layer_may_have_a_method_of_its_own(digits: Graph, images: np.ndarray) -> None:
    first = digits.nodes[0]
    plain = run(digits, images, method=Method.MINMAX, effort=Effort.LOW)
    mixed = run(
        digits, images, method=Method.MINMAX, effort=Effort.LOW, methods={"*conv2d_1/*": Method.MSE}
    )
    changed = {
        i for i, q in mixed.parameters.activations.items() if q != plain.parameters.activations[i]
    }
    assert changed <= {first.outputs[0], *digits.consumers(first.outputs[0])[0].outputs}


# ---- schemes


def channels_of_very_different_range() -> bytes:
    """A dense layer whose output channels differ in range by a factor of 1000."""
    rng = np.random.default_rng(3)
    weights = rng.uniform(-1, 1, (8, 16)) * np.logspace(0, -3, 8)[:, np.newaxis]
    builder = ModelBuilder()
    x = builder.tensor((1, 16), "float32")
    w = builder.tensor((8, 16), "float32", data=weights)
    y = builder.tensor((1, 8), "float32")
    builder.op("FULLY_CONNECTED", [x, w], [y], {})
    return builder.build([x], [y])


def test_scales_per_channel_serve_channels_of_very_different_range() -> None:
    graph = passes.run(importer.loads(channels_of_very_different_range(), "wide"))
    samples = np.random.default_rng(4).uniform(-1, 1, (64, 16)).astype(np.float32)
    call = next(graph.calls())
    exact = call.input(1).values()

    def worst_channel(per_channel: bool) -> float:
        result = run(graph, samples, per_channel=per_channel, disable=frozenset(Pass))
        weights = result.parameters.weights[call.node.outputs[0]]
        found = weights.values * weights.scale.reshape(-1, 1)
        errors = np.linalg.norm(found - exact, axis=1) / np.linalg.norm(exact, axis=1)
        return float(errors.max())

    assert worst_channel(per_channel=True) < 0.01
    assert worst_channel(per_channel=False) > 0.20


def test_symmetric_activations_have_zero_points_of_zero(digits: Graph, images: np.ndarray) -> None:
    result = run(digits, images, activations=Activations.INT8_SYMMETRIC, effort=Effort.LOW)
    fixed = result.graph.outputs[0]
    points = {q.zero_point[0] for i, q in result.parameters.activations.items() if i != fixed}
    assert points == {0}


def test_16x8_files_run_in_litert(images: np.ndarray, unseen: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "q.tflite"
    config = Config(activations=Activations.INT16, effort=Effort.LOW)
    made = mcugen.quantize(MODEL, images, config=config, output=path)
    source = made.model.imported.tensors[made.model.imported.inputs[0]]
    wide, exact = reference.litert(made.model.content), reference.litert(MODEL.read_bytes())
    for image in unseen[:8, np.newaxis]:
        q = np.clip(np.rint(image / source.scale), -32767, 32767).astype(np.int16)
        found = wide.outputs([q])[0] / 2**15
        np.testing.assert_allclose(found, exact.outputs([image])[0], atol=0.05)


@pytest.mark.parametrize("effort", [Effort.LOW, Effort.NORMAL])
@pytest.mark.parametrize("size", [1.0, 1.1, 1.3, 1.7])
def test_16x8_channels_that_hardly_vary_have_multipliers_that_kernels_take(
    effort: Effort, size: float
) -> None:
    """A bias of 0.3 beside weights of 1e-6, or of 0, in a layer whose other outputs reach 10."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(3, 8))
    weights[1] *= 1e-6
    weights[2] = 0
    builder = ModelBuilder()
    x, y = builder.tensor((1, 8), "float32"), builder.tensor((1, 3), "float32")
    w = builder.tensor((3, 8), "float32", data=weights.astype(np.float32))
    b = builder.tensor((3,), "float32", data=np.array([0.1, 0.3, 0.2], np.float32))
    builder.op("FULLY_CONNECTED", [x, w, b], [y], {})
    graph = passes.run(importer.loads(builder.build([x], [y]), "steady"))
    samples = size * rng.normal(size=(32, 8))
    result = run(graph, samples, activations=Activations.INT16, effort=effort)
    (call,) = result.graph.calls()
    assert round_once.multipliers_round_once(call) is None
    assert round_once.multipliers_round_doubled(call) is None
    assert round_once.sums_fit_a_word(call) is None


def test_layers_that_stay_float_meet_the_others_through_conversions(
    images: np.ndarray, tmp_path: Path
) -> None:
    config = Config(keep_float=("*dense*",), effort=Effort.LOW)
    made = mcugen.quantize(MODEL, images, config=config)
    operators = [node.op for node in made.model.compiled().nodes]
    assert operators.count("dequantize") == operators.count("quantize") == 1
    dense = next(c for c in made.model.compiled().calls() if c.node.op == "fully_connected")
    assert dense.input(1).dtype is DType.FLOAT32
    result = mcugen.validate(MODEL, "host", DATA, limit=20, calibration=images, config=config)
    assert result.passed, result.verdict


def test_a_budget_leaves_layers_float_until_it_is_met(digits: Graph, images: np.ndarray) -> None:
    base = run(digits, images, effort=Effort.LOW)
    reached = base.steps[-1].sqnr_db
    result = run(digits, images, effort=Effort.LOW, budget=max(s.sqnr_db for s in base.steps) + 1)
    assert result.parameters.kept_float
    assert max(s.sqnr_db for s in result.steps) > reached


# ---- calibration data


def test_files_arrays_and_generators_are_the_same_samples(
    digits: Graph, images: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(tmp_path / "x.npz", x=images)
    tensors = [digits.tensors[i] for i in digits.inputs]

    def stream() -> Iterator[list[np.ndarray]]:
        for image in images:
            yield [image[np.newaxis]]

    def sums(source: object) -> list[float]:
        samples = calibrate(source, tensors)
        assert all(x[0].shape == (1, 8, 8, 1) for x in samples.head(5))
        return sorted(float(x[0].sum()) for x in samples)

    expected = sorted(float(image.sum(dtype=np.float32)) for image in images)
    for source in (images, tmp_path / "x.npz", stream, stream(), list(images), {"x": images}):
        assert sums(source) == pytest.approx(expected)
    monkeypatch.setattr("mcugen.quantizer.calibration.WHOLE_BYTES", 100)
    assert sums(tmp_path / "x.npz") == pytest.approx(expected)


def test_stored_integers_with_a_scale_are_real_values(tmp_path: Path, digits: Graph) -> None:
    q = np.full((3, 8, 8, 1), 7, np.int8)
    np.savez(tmp_path / "x.npz", x=q, in_scale=np.float32(0.5), in_zero_point=np.int32(3))
    samples = calibrate(tmp_path / "x.npz", [digits.tensors[i] for i in digits.inputs])
    assert {float(v) for v in samples.head(1)[0][0].ravel()} == {2.0}


def test_bytes_are_taken_as_they_are_with_a_warning_that_names_both_ranges(
    digits: Graph,
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1)).astype(np.uint8)
    (note,) = (n for n in run(digits, pixels, effort=Effort.LOW).notes if "warning" in n)
    assert "uint8" in note and "from 0 to 255" in note and "from -1 to 1" in note


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((4, 7, 7, 1), np.float32), "64 numbers per sample"),
        (np.zeros((0, 8, 8, 1), np.float32), "at least one"),
        (np.full((4, 8, 8, 1), np.nan, np.float32), "NaN"),
        (np.zeros((4, 8, 8, 1), complex), "complex128"),
        (iter([]), "no samples"),
        (iter([[np.zeros((1, 8, 8, 1)), np.zeros(3)]]), "sample 0: 2 arrays; the model takes 1"),
        (np.full((4, 8, 8, 1), 3e38, np.float32), "becomes infinite"),
    ],
)
def test_unsuitable_samples_are_refused(digits: Graph, samples: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        run(digits, samples, effort=Effort.LOW)


def test_constant_activations_work_and_are_named(digits: Graph) -> None:
    result = run(digits, np.zeros((40, 8, 8, 1), np.float32), effort=Effort.LOW)
    assert any("constant over all calibration samples" in note for note in result.notes)
    interpret.outputs(result.graph, [np.zeros((1, 8, 8, 1), np.int8)])


def test_infinite_weights_are_refused_by_name(digits: Graph, images: np.ndarray) -> None:
    call = next(digits.calls())
    weights = call.input(1).values().copy()
    weights.flat[0] = np.inf
    index = call.node.inputs[1]
    assert index is not None
    broken = digits.with_tensor(
        index, type(call.input(1))("w", weights.shape, DType.FLOAT32, None, weights)
    )
    with pytest.raises(UnsupportedModelError, match="NaN or infinity"):
        run(broken, images)


def test_a_quantized_model_is_refused(images: np.ndarray) -> None:
    with pytest.raises(UnsupportedModelError, match="quantized already"):
        mcugen.quantize(DIGITS / "digits_int8.tflite", images)


def test_layers_that_do_not_exist_are_named(digits: Graph, images: np.ndarray) -> None:
    with pytest.raises(UnsupportedModelError) as caught:
        run(digits, images, keep_float=("nothing", "never"))
    assert len(caught.value.problems) == 2 and "layers are" in str(caught.value)


def test_all_unsupported_layers_are_named_at_once(images: np.ndarray, tmp_path: Path) -> None:
    builder = ModelBuilder()
    tensors = [builder.tensor((1, 8, 8, 1), "float32") for _ in range(3)]
    builder.op("COS", [tensors[0]], [tensors[1]], {})
    builder.op("SIN", [tensors[1]], [tensors[2]], {})
    path = tmp_path / "odd.tflite"
    path.write_bytes(builder.build(tensors[:1], tensors[-1:]))
    with pytest.raises(UnsupportedModelError, match=r"(?s)COS.*SIN"):
        mcugen.quantize(path, images)


# ---- dynamic-range models


@pytest.mark.slow
def test_a_dynamic_range_model_is_as_accurate_with_float_weights_and_in_int8(shared: Path) -> None:
    data = shared / "data" / "kws01.npz"
    made = mcugen.quantize(
        shared / "models" / "kws_hybrid.tflite", data, config=Config(effort=Effort.LOW)
    )
    quality = made.report.quality
    assert quality.float_accuracy is not None and quality.quantized_accuracy is not None
    assert quality.float_accuracy > 0.90
    assert quality.quantized_accuracy > quality.float_accuracy - 0.01
