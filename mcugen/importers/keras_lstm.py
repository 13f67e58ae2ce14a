"""Keras's LSTM layers as single operators.

TensorFlow's converter makes a UNIDIRECTIONAL_SEQUENCE_LSTM of a function that says that it is one,
as Keras 2 did. Keras 3 no longer says so, and its layers would become loops.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def fused() -> Iterator[None]:
    """Within, LSTM layers that the operator can compute are traced as a function that says so.

    Left as they are: layers with a mask, given states, states that stay (`stateful`), `unroll`, or
    activations other than tanh and sigmoid. The converter ignores what the function says where
    somebody reads the final states. Dropout is switched off: it would draw random numbers.
    """
    import keras

    layer = keras.layers.LSTM
    call, inner_loop = layer.call, layer.inner_loop

    def traced_call(
        self: Any,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: Any = False,
    ) -> Any:
        cell = self.cell
        rates = cell.dropout, cell.recurrent_dropout
        fits = initial_state is None and mask is None and not (self.stateful or self.unroll)
        fits = fits and cell.activation is keras.activations.tanh
        fits = fits and cell.recurrent_activation is keras.activations.sigmoid
        cell.dropout = cell.recurrent_dropout = 0.0
        self.inner_loop = _as_function(self, inner_loop) if fits else inner_loop.__get__(self)
        try:
            return call(self, sequences, initial_state=initial_state, mask=mask, training=False)
        finally:
            del self.inner_loop
            cell.dropout, cell.recurrent_dropout = rates

    layer.call = traced_call
    try:
        yield
    finally:
        layer.call = call


def _as_function(layer: Any, inner_loop: Any) -> Any:
    """A layer's `inner_loop` in a function whose signature and attributes the converter knows."""
    import tensorflow as tf
    from tensorflow.python.eager.polymorphic_function import polymorphic_function

    def run(sequences: Any, initial_state: Any, mask: Any, training: Any = False) -> Any:
        def body(
            x: Any, hidden: Any, cell: Any, kernel: Any, recurrent_kernel: Any, bias: Any
        ) -> Any:
            last, outputs, states = inner_loop(layer, x, [hidden, cell], None, training=False)
            return last, outputs, *states, tf.constant(1.0)

        function = polymorphic_function.function(
            body,
            autograph=False,
            experimental_attributes={
                "api_implements": f"lstm_{uuid.uuid4()}",
                "api_preferred_device": "CPU",
                "time_major": False,
                "go_backwards": layer.go_backwards,
            },
        )
        cell = layer.cell
        weights = [tf.convert_to_tensor(cell.kernel), tf.convert_to_tensor(cell.recurrent_kernel)]
        bias = tf.zeros(4 * cell.units) if cell.bias is None else tf.convert_to_tensor(cell.bias)
        last, outputs, *states, _ = function(sequences, *initial_state, *weights, bias)
        return last, outputs, states

    return run
