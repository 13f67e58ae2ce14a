"""Random Keras networks as users export them: float, int8 by TensorFlow, int8 by the quantizer.

TensorFlow takes seconds to import and most of a second to convert, so one process stays alive for
all of them, apart from those that run references: `Networks`.
"""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from mcugen import passes
from mcugen.errors import McugenError
from mcugen.importers import keras as keras_importer
from mcugen.importers import keras_lstm
from mcugen.importers import tflite as importer
from mcugen.ops.base import Array
from mcugen.quantizer.calibration import calibrate
from mcugen.quantizer.config import Config, Effort
from mcugen.quantizer.export import export
from mcugen.quantizer.pipeline import quantize
from mcugen.testing.fuzz.catalog import LITERT, SUBJECTS, TFLM
from mcugen.testing.fuzz.generate import Case

SAMPLES = 8  # for calibration
MAX_ELEMENTS = 3000  # of a tensor
MAX_STEPS = 4  # of an unrolled layer
ACTIVATIONS = ("relu", "relu6", "sigmoid", "tanh", "elu", "hard_swish", "leaky_relu", "linear")

Made = tuple[list[Case], list[str]]  # cases of a network, and why there are no more of them


class Networks:
    """Makes networks in a process of its own."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))

    def made(self, seed: int, numbers: Sequence[int]) -> Iterator[Made]:
        """The cases of each network, in order."""
        yield from self._pool.map(cases, [seed] * len(numbers), numbers)

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown()


def cases(seed: int, number: int) -> Made:
    """One network, as float and as int8 by either quantizer."""
    rng = np.random.default_rng((seed, number))
    name = f"keras_{seed}_{number}"
    model = _network(rng)
    samples = [
        [rng.standard_normal(tensor.shape).astype(np.float32) for tensor in model.inputs]
        for _ in range(SAMPLES)
    ]
    found: list[Case] = []
    refused: list[str] = []
    makers: dict[str, Callable[[], bytes]] = {
        "float": lambda: _convert(model),
        "stock": lambda: _convert(model, samples),
        "ours": lambda: _quantized(found[0].model, samples),
    }
    for kind, make in makers.items():
        try:
            found.append(_case(f"{name}_{kind}", make()))
        except McugenError as error:
            refused.append(f"{kind}: {error}")
        except Exception as error:  # the converter reports through a dozen exception types
            refused.append(f"{kind}: {str(error).strip().splitlines()[0]}")
        if not found:
            break
    return found, refused


def _case(name: str, content: bytes) -> Case:
    """A file, judged by a reference that computes all of its operators as mcugen does."""
    graph = passes.run(importer.loads(content, name))
    common = {TFLM, LITERT}
    for call in graph.calls():
        if call.node.op == "relu6" and call.input().quant != call.output.quant:
            common &= {LITERT}  # TFLite Micro forgets the scales
        if call.node.op == "unidirectional_sequence_lstm" and not call.output.dtype.is_float:
            common &= {TFLM}  # LiteRT multiplies gates another way
        common &= set(SUBJECTS[call.node.op].references)
    if not common:
        raise McugenError("no reference for all of its operators")
    floating = any(tensor.dtype.is_float for tensor in graph.tensors.values())
    imported = importer.loads(content, name)
    reference = TFLM if TFLM in common else LITERT
    return Case(name, content, reference, (None,) * len(imported.inputs), exact=not floating)


# ---- files


def _convert(model: Any, samples: Sequence[Sequence[Array]] = ()) -> bytes:
    """TensorFlow's `.tflite`, int8 throughout if there are samples."""
    import tensorflow as tf

    with keras_importer.quiet(), keras_lstm.fused():
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if samples:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: iter(samples)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        return bytes(converter.convert())


def _quantized(content: bytes, samples: Sequence[Sequence[Array]]) -> bytes:
    graph = passes.run(importer.loads(content, "float"))
    tensors = [graph.tensors[i] for i in graph.inputs]
    calibration = calibrate(lambda: iter(samples), tensors)
    return export(quantize(graph, calibration, Config(effort=Effort.LOW)).graph)


# ---- networks


def _network(rng: np.random.Generator) -> Any:
    """A `keras.Model` of one to six layers, more where branches join."""
    keras_importer._import_tensorflow()
    import keras

    keras.backend.clear_session()
    drawer = _Drawer(rng, keras)
    rank = int(rng.choice((1, 2, 3), p=(0.15, 0.25, 0.6)))  # vectors, sequences, images
    batch = 1 if rng.random() < 0.85 else int(rng.integers(2, 4))
    shape = (batch, *(int(n) for n in rng.integers(3, 13, rank - 1)), int(rng.integers(1, 9)))
    inputs = [keras.Input(batch_shape=shape)]
    x = inputs[0]
    if rng.random() < 0.15:
        inputs.append(keras.Input(batch_shape=shape))
        x = drawer.joined(*inputs)
    ends = []
    for _ in range(int(rng.integers(1, 7))):
        y = drawer.layer(x)
        if tuple(y.shape) == tuple(x.shape) and rng.random() < 0.3:
            y = drawer.joined(x, y)
        if rng.random() < 0.08:
            ends.append(y)
        x = y
    if x is inputs[0]:
        x = keras.layers.ReLU()(x)
    if rng.random() < 0.3:
        x = keras.layers.Dense(int(rng.integers(1, 9)), activation="softmax")(
            x if len(x.shape) == 2 else keras.layers.Flatten()(x)
        )
    outputs = list({id(end): end for end in (*ends, x)}.values())
    model = keras.Model(inputs, outputs)
    for weight in model.weights:
        values = rng.normal(0, 1 / math.sqrt(max(1, math.prod(weight.shape[:-1]))), weight.shape)
        weight.assign(np.abs(values) + 0.1 if "variance" in weight.path else values)
    return model


class _Drawer:
    """Draws layers that suit a tensor."""

    def __init__(self, rng: np.random.Generator, keras: Any) -> None:
        self._rng = rng
        self._k = keras.layers

    def _whole(self, low: int, high: int) -> int:
        return int(self._rng.integers(low, high + 1))

    def _pick(self, *choices: Any) -> Any:
        return choices[self._whole(0, len(choices) - 1)]

    def joined(self, x: Any, y: Any) -> Any:
        """Two tensors of one shape as one."""
        layer = self._pick(
            *(self._k.Add, self._k.Concatenate, self._k.Multiply, self._k.Subtract),
            *(self._k.Maximum, self._k.Average),
        )
        return layer()([x, y])

    def layer(self, x: Any) -> Any:
        """A layer behind a tensor; the tensor itself where what was drawn does not fit."""
        general = (self._activation, self._normalisation, self._dense)
        special = {
            3: (
                *(self._conv1d, self._conv1d, self._pool1d),
                *(self._unrolled, self._lstm, self._flat),
            ),
            4: (
                *(self._conv2d, self._conv2d, self._depthwise, self._transposed, self._separable),
                *(self._pool2d, self._border, self._upsampled, self._reduced, self._flat),
            ),
        }
        grow = self._pick(*general, *special.get(len(x.shape), ()))
        try:
            y = grow(x)
        except ValueError:  # of Keras: a window larger than its image
            return x
        return y if 0 < math.prod(y.shape) <= MAX_ELEMENTS else x

    # ---- any rank

    def _activation(self, x: Any) -> Any:
        k = self._k
        return self._pick(
            k.ReLU(),
            k.ReLU(6.0),
            k.LeakyReLU(negative_slope=0.3),
            k.PReLU(shared_axes=list(range(1, len(x.shape) - 1)) or None),
            k.Softmax(),
            *(k.Activation(name) for name in ACTIVATIONS),
        )(x)

    def _normalisation(self, x: Any) -> Any:
        return self._k.BatchNormalization()(x)

    def _dense(self, x: Any) -> Any:
        activation = self._pick(None, "relu", "relu6", "tanh")
        units = self._whole(1, 12)
        return self._k.Dense(units, activation=activation, use_bias=self._pick(True, False))(x)

    def _flat(self, x: Any) -> Any:
        return self._k.Flatten()(x)

    # ---- sequences

    def _conv1d(self, x: Any) -> Any:
        return self._k.Conv1D(
            self._whole(1, 8),
            self._whole(1, 4),
            strides=self._whole(1, 2),
            padding=self._pick("same", "valid", "causal"),
            activation=self._pick(None, "relu", "relu6"),
        )(x)

    def _pool1d(self, x: Any) -> Any:
        k = self._k
        size = self._whole(1, 3)
        return self._pick(
            *(k.MaxPooling1D(size), k.AveragePooling1D(size)),
            *(k.GlobalAveragePooling1D(), k.GlobalMaxPooling1D()),
        )(x)

    def _lstm(self, x: Any) -> Any:
        return self._k.LSTM(
            self._whole(1, 8),
            use_bias=self._pick(True, False),
            return_sequences=self._pick(True, False),
        )(x)

    def _unrolled(self, x: Any) -> Any:
        """A recurrent layer as many dense ones; a loop would need TensorFlow's own operators."""
        if x.shape[1] > MAX_STEPS:
            return x
        layer = self._pick(self._k.LSTM, self._k.GRU, self._k.SimpleRNN)
        return layer(self._whole(1, 4), unroll=True, return_sequences=self._pick(True, False))(x)

    # ---- images

    def _window(self) -> dict[str, Any]:
        return {
            "strides": self._whole(1, 2),
            "padding": self._pick("same", "valid"),
            "activation": self._pick(None, "relu", "relu6"),
            "use_bias": self._pick(True, True, False),
        }

    def _sides(self) -> tuple[int, int]:
        any_size = (self._whole(1, 4), self._whole(1, 4))
        return ((1, 1), (3, 3), (3, 3), any_size)[self._whole(0, 3)]

    def _conv2d(self, x: Any) -> Any:
        more = self._window()
        if more["strides"] == 1 and self._rng.random() < 0.2:
            more["dilation_rate"] = 2
        return self._k.Conv2D(self._whole(1, 8), self._sides(), **more)(x)

    def _depthwise(self, x: Any) -> Any:
        multiplier = self._pick(1, 1, 2)
        return self._k.DepthwiseConv2D(
            self._sides(), depth_multiplier=multiplier, **self._window()
        )(x)

    def _separable(self, x: Any) -> Any:
        return self._k.SeparableConv2D(self._whole(1, 8), self._sides(), **self._window())(x)

    def _transposed(self, x: Any) -> Any:
        more = {**self._window(), "activation": None}
        return self._k.Conv2DTranspose(self._whole(1, 5), self._sides(), **more)(x)

    def _pool2d(self, x: Any) -> Any:
        layer = self._pick(self._k.MaxPooling2D, self._k.AveragePooling2D)
        size = (self._whole(1, 3), self._whole(1, 3))
        return layer(size, strides=self._whole(1, 2), padding=self._pick("same", "valid"))(x)

    def _reduced(self, x: Any) -> Any:
        layer = self._pick(self._k.GlobalAveragePooling2D, self._k.GlobalMaxPooling2D)
        return layer(keepdims=self._pick(True, False))(x)

    def _border(self, x: Any) -> Any:
        sides = ((self._whole(0, 2), self._whole(0, 2)), (self._whole(0, 2), self._whole(0, 2)))
        return self._pick(self._k.ZeroPadding2D, self._k.Cropping2D)(sides)(x)

    def _upsampled(self, x: Any) -> Any:
        return self._k.UpSampling2D(2, interpolation=self._pick("nearest", "bilinear"))(x)
