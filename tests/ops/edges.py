"""For every rule: a change of a legal call that breaks it, and one that leaves it just legal.

`test_every_rule.py` applies them to random calls of every operator that has the rule. A change may
read the call, so that it fits any. Keys are the module and the name of a rule, with the operator in
front where operators need changes of their own.
"""

from __future__ import annotations

import numpy as np
from changes import (
    ALMOST,
    FIRST_AXIS,
    FIVE,
    FLOAT,
    FOUR,
    HALVES,
    OTHER_SCALE,
    TANH,
    TWO_SCALES,
    Edge,
    affine,
    bias,
    biases,
    by,
    clamped,
    edited,
    enlarged,
    last_axis,
    lstm_bias,
    more_outputs,
    numbers,
    on,
    out_scale,
    outputs,
    rank,
    ratio,
    runtime,
    scale,
    scales,
    second_output,
    shape_of,
    source,
    svdf_bias,
    then,
    with_first,
)

from mcugen.exporters.builder import quant
from mcugen.ir import DType
from mcugen.ops.base import Activation
from mcugen.ops.fully_connected import WeightsFormat
from mcugen.ops.l2_normalization import MAX_DEPTH
from mcugen.ops.mean import MAX_COUNT
from mcugen.ops.mirror_pad import Mode
from mcugen.ops.softmax import MAX_CLASSES
from mcugen.testing.check import (
    change_attrs,
    change_input,
    change_output,
    unchanged,
)

EDGES: dict[str, Edge] = {
    # ---- shared
    "rules.input_is_4d": Edge(by(lambda c: on(source, shape=c.input(source(c)).shape[1:]))),
    "rules.weights_are_4d_constant": Edge(change_input(1, data=None)),
    "rules.strides_are_positive": Edge(
        change_attrs(stride=(1, 0)), by(lambda c: change_attrs(stride=(1, 1)))
    ),
    "rules.window_fits": Edge(change_output(shape=(1, 0, 1, 1)), change_output(shape=(1, 1, 1, 1))),
    "rules.activation_is_a_clamp": Edge(TANH, change_attrs(activation=Activation.RELU)),
    "rules.clamp_fits_int32": Edge(clamped(6 * 2.0**-31), clamped(6.01 * 2.0**-31)),
    "rules.types_are_conv": Edge(on(source, dtype=DType.UINT8), on(bias, tensor=None)),
    "rules.bias_matches_channels": Edge(
        by(
            lambda c: on(
                bias,
                shape=(c.output.shape[-1] + 1,),
                data=np.zeros(c.output.shape[-1] + 1, np.int32),
            )
        ),
        on(bias, tensor=None),
    ),
    "rules.activations_are_quantized": Edge(TWO_SCALES),
    "rules.weights_are_symmetric": Edge(
        change_input(1, quant=quant(0.5, 1)), change_input(1, quant=quant(1e-9, 0))
    ),
    "rules.accumulator_fits_int32": Edge(biases(1), biases(0)),
    "rules.multiplier_is_defined": Edge(ratio(2.0**30), ratio(2.0**30 * ALMOST)),
    "rules.same_type_in_out": Edge(change_output(dtype=DType.UINT8)),
    "rules.same_type": Edge(change_output(dtype=DType.UINT8)),
    "rules.same_quantization_in_out": Edge(OTHER_SCALE),
    "rules.same_quantization_throughout": Edge(OTHER_SCALE),
    "rules.types_are_equal": Edge(change_input(1, dtype=DType.INT32)),
    "rules.quantized_per_tensor": Edge(TWO_SCALES),
    "broadcast.shapes_broadcast": Edge(
        by(
            lambda c: then(
                change_input(0, shape=(2, 3)),
                change_input(1, shape=(2, 4)),
                change_input(2, shape=(2, 3)) if len(c.inputs) > 2 else unchanged,
            )
        ),
        by(
            lambda c: then(
                change_input(0, shape=(2, 3)),
                change_input(1, shape=(1, 3)),
                change_input(2, shape=(3,)) if len(c.inputs) > 2 else unchanged,
            )
        ),
    ),
    "broadcast.loops_fit": Edge(FIVE, FOUR),
    "movers.inputs_match": Edge(change_input(0, dtype=DType.INT16)),
    **{
        f"movers.{name}_known": runtime(1)
        for name in ("axes", "begin", "block", "multiples", "permutation", "shape", "sizes", "size")
    },
    "movers.crops_known": runtime(2),
    "densify.input_is_constant": Edge(change_input(0, data=None)),
    "movers.paddings_known": runtime(2),
    "movers.output_shape_known": runtime(0),
    "slice.movers.size_known": runtime(2),
    "split.movers.axis_known": runtime(0),
    "split_v.movers.axis_known": runtime(2),
    # ---- element by element
    "abs.scale_ratio_fits": Edge(
        scale(0, lambda c: 2.0**22 * c.output.scale),
        scale(0, lambda c: 2.0**22 * ALMOST * c.output.scale),
    ),
    "abs.zero_point_is_zero": Edge(affine(quant(0.5, 1)), affine(quant(0.5, 0))),
    "add.sum_scale_is_below_one": Edge(
        scales(1.0, 2.0**19, 1.0), scales(1.0, 2.0**19 * ALMOST, 1.0)
    ),
    "mul.product_scale_fits": Edge(scales(128.0, 128.0, 1.0), scales(128.0, 128.0 * ALMOST, 1.0)),
    "squared_difference.square_scale_is_below_one": Edge(
        scales(1.0, 64.0, 1.0), scales(1.0, 64.0 * ALMOST, 1.0)
    ),
    "div.types_are_float32": Edge(change_input(1, dtype=DType.INT8)),
    "square.types_are_float32": Edge(change_input(0, dtype=DType.INT8)),
    "equal.scales_are_below_one": Edge(scale(0, lambda c: 1.0), scale(0, lambda c: ALMOST)),
    "equal.types_are_compared": Edge(change_input(1, dtype=FLOAT)),
    "exp.results_fit_int32": Edge(
        then(affine(quant(1.0, 0)), out_scale(lambda c: 127 * 2.0**-30)),
        then(affine(quant(1.0, 0)), out_scale(lambda c: 127 * 2.0**-29.9)),
    ),
    "sqrt.roots_fit_int32": Edge(
        then(affine(quant(1.0, 0)), out_scale(lambda c: 127**0.5 * 2.0**-30.01)),
        then(affine(quant(1.0, 0)), out_scale(lambda c: 127**0.5 * 2.0**-29.9)),
    ),
    "sqrt.rsqrt_scales_fit": Edge(scales(1.0, 2.0**12.1), scales(1.0, 2.0**12)),
    "hard_swish.scales_fit": Edge(scales(2.0**24, 2.0**24), scales(2.0**23.9, 2.0**24)),
    "leaky_relu.alpha_is_finite": Edge(
        change_attrs(alpha=float("inf")), change_attrs(alpha=float(np.float32(1e-30)))
    ),
    "leaky_relu.scale_ratio_fits": Edge(
        then(scales(1.0, 1.0), change_attrs(alpha=-(2.0**22))),
        then(scales(1.0, 1.0), change_attrs(alpha=-(2.0**22) * ALMOST)),
    ),
    "logistic.output_is_signed_fraction": Edge(change_output(quant=quant(1 / 128, 1))),
    "logistic.output_is_unsigned_fraction": Edge(change_output(quant=quant(1 / 256, -127))),
    "logistic.scale_is_representable": Edge(
        scale(0, lambda c: 2.0**-28.01), scale(0, lambda c: 2.0**-28)
    ),
    "prelu.output_has_the_inputs_shape": Edge(
        then(change_input(0, shape=(1, 3)), change_input(1, shape=(2, 3))),
        then(change_input(0, shape=(2, 3)), change_input(1, shape=(2, 1))),
    ),
    "prelu.scale_ratios_fit": Edge(
        scales(2.0**22, 2.0**-10, 1.0), scales(2.0**22 * ALMOST, 2.0**-10, 1.0)
    ),
    "quantize.scale_ratio_fits": Edge(scales(2.0**22, 1.0), scales(2.0**22 * ALMOST, 1.0)),
    "quantize.types_are_quantizable": Edge(change_output(dtype=DType.UINT8)),
    "quantize.uint8_has_one_scale": Edge(
        then(change_input(0, dtype=DType.UINT8, quant=None), change_output(dtype=DType.INT8)),
        then(change_input(0, dtype=DType.UINT8), change_output(dtype=DType.INT8)),
    ),
    "dequantize.output_is_float32": Edge(
        change_output(dtype=DType.INT8), change_input(0, dtype=DType.UINT8)
    ),
    "cast.types_are_numbers": Edge(
        change_output(dtype=DType.FLOAT16), change_output(dtype=DType.INT64)
    ),
    "logical_and.types_are_bool": Edge(change_output(dtype=DType.INT8)),
    "select.types_are_selected": Edge(change_input(0, dtype=DType.INT8)),
    "select.choices_share_quantization": Edge(OTHER_SCALE),
    "select.shapes_are_equal": Edge(
        then(*(change_input(i, shape=s) for i, s in enumerate(((3,), (2, 3), (2, 3))))),
        then(*(change_input(i, shape=s) for i, s in enumerate(((2,), (2, 3), (2, 3))))),
    ),
    # ---- layers
    "conv2d.channels_divide": Edge(
        by(lambda c: change_input(1, shape=(*c.input(1).shape[:3], c.input(0).shape[3] + 1))),
        by(lambda c: change_input(1, shape=(*c.input(1).shape[:3], c.input(0).shape[3]))),
    ),
    "depthwise_conv2d.channels_divide": Edge(
        by(lambda c: change_input(1, shape=(2, *c.input(1).shape[1:])))
    ),
    "transpose_conv.depths_agree": Edge(
        by(lambda c: change_input(2, shape=(*c.input(2).shape[:3], c.input(2).shape[3] + 1)))
    ),
    "transpose_conv.shape_fits": Edge(
        with_first(0, lambda c: c.input(2).shape[0] + 1),
        by(lambda c: numbers(0, lambda c: (c.input(2).shape[0], 1, 1, c.input(1).shape[0]))),
    ),
    "fully_connected.input_divides_into_rows": Edge(
        by(lambda c: change_input(0, shape=(1, c.input(1).shape[1] + 1))),
        by(lambda c: change_input(0, shape=(2, c.input(1).shape[1]))),
    ),
    "fully_connected.weights_are_2d_constant": Edge(change_input(1, data=None)),
    "fully_connected.weights_are_not_shuffled": Edge(
        change_attrs(weights_format=WeightsFormat.SHUFFLED4X16INT8)
    ),
    "batch_matmul.ranks_fit": Edge(change_input(0, shape=(4,))),
    "batch_matmul.shapes_match": Edge(
        then(
            change_attrs(adj_x=False, adj_y=False),
            change_input(0, shape=(2, 3)),
            change_input(1, shape=(4, 3)),
        ),
        then(
            change_attrs(adj_x=False, adj_y=False),
            change_input(0, shape=(2, 3)),
            change_input(1, shape=(3, 1)),
        ),
    ),
    **{
        "batch_matmul.depth_fits_int32": Edge(
            *(
                then(
                    change_attrs(adj_x=False, adj_y=False),
                    change_input(0, shape=(1, depth)),
                    change_input(1, shape=(depth, 1)),
                )
                for depth in (MAX_DEPTH + 1, MAX_DEPTH)
            )
        )
    },
    "pool2d.quantization_is_kept": Edge(
        then(affine(quant(0.05, 0)), out_scale(lambda c: 0.050002)),
        then(affine(quant(0.05, 0)), out_scale(lambda c: 0.0500005)),
    ),
    "pool2d.window_is_sensible": Edge(
        change_attrs(window=(4096, 4097)), change_attrs(window=(4096, 4096))
    ),
    # ---- reductions and rows
    "mean.axes_are_constant": Edge(
        numbers(1, lambda c: [rank(c)]), numbers(1, lambda c: [-rank(c)])
    ),
    "mean.axes_form_two_groups": Edge(
        then(change_input(0, shape=(2, 2, 2, 2, 2)), numbers(1, lambda c: (0, 2, 4))),
        then(change_input(0, shape=(2, 2, 2, 2, 1)), numbers(1, lambda c: (0, 2, 4))),
    ),
    "mean.ratio_is_defined": Edge(
        then(scale(0, lambda c: 2.0**30), out_scale(lambda c: 1.0)),
        then(scale(0, lambda c: 2.0**30 * ALMOST), out_scale(lambda c: 1.0)),
    ),
    "mean.sum_fits_int32": Edge(
        then(change_input(0, shape=(MAX_COUNT + 1, 1)), numbers(1, lambda c: [0])),
        then(change_input(0, shape=(MAX_COUNT, 1)), numbers(1, lambda c: [0])),
    ),
    "arg_max.axis_is_known": Edge(with_first(1, rank), with_first(1, lambda c: -rank(c))),
    "arg_max.types_are_indexed": Edge(
        change_output(dtype=DType.INT8), change_output(dtype=DType.INT64)
    ),
    "softmax.classes_fit": Edge(last_axis(MAX_CLASSES + 1), last_axis(MAX_CLASSES)),
    "softmax.output_is_a_probability": Edge(change_output(quant=quant(1 / 256, -127))),
    "softmax.scale_is_representable": Edge(
        then(scale(0, lambda c: 2.0**-26), change_attrs(beta=1.0)),
        then(scale(0, lambda c: 2.0**-25.9), change_attrs(beta=1.0)),
    ),
    "log_softmax.output_is_a_logarithm": Edge(change_output(quant=quant(16 / 256, 126))),
    "log_softmax.scale_is_representable": Edge(
        scale(0, lambda c: 16.0), scale(0, lambda c: 16.0 * ALMOST)
    ),
    "l2_normalization.activation_is_none": Edge(change_attrs(activation=Activation.RELU)),
    "l2_normalization.depth_fits": Edge(last_axis(MAX_DEPTH + 1), last_axis(MAX_DEPTH)),
    "l2_normalization.output_is_signed_fraction": Edge(change_output(quant=quant(1 / 128, 1))),
    # ---- shapes
    "reshape.elements_are_kept": Edge(
        numbers(1, lambda c: [c.input().elements + 1]), numbers(1, lambda c: [1, -1])
    ),
    "reshape.shape_is_known": Edge(change_input(1, data=None)),
    "expand_dims.axis_is_known": Edge(
        change_input(1, data=None), change_input(1, dtype=DType.INT64)
    ),
    "expand_dims.axis_fits": Edge(with_first(1, lambda c: rank(c) + 1), with_first(1, rank)),
    "squeeze.axes_have_size_1": Edge(
        by(lambda c: change_attrs(axes=(rank(c),))), change_attrs(axes=())
    ),
    "transpose.permutation_fits": Edge(
        numbers(1, lambda c: [0] * rank(c)), numbers(1, lambda c: range(rank(c)))
    ),
    "shape.output_is_an_index": Edge(
        change_output(dtype=DType.INT8), change_output(dtype=DType.INT64)
    ),
    # ---- joining and cutting
    "concatenation.activation_is_none": Edge(change_attrs(activation=Activation.RELU)),
    "concatenation.axis_exists": Edge(by(lambda c: change_attrs(axis=rank(c))), unchanged),
    "concatenation.shapes_agree": Edge(
        shape_of(0, lambda c: (*c.input().shape, 1)),
    ),
    "pack.axis_fits": Edge(
        by(lambda c: change_attrs(axis=rank(c) + 1)), by(lambda c: change_attrs(axis=rank(c)))
    ),
    "pack.count_is_right": Edge(by(lambda c: change_attrs(count=len(c.inputs) + 1))),
    "pack.shapes_are_alike": Edge(shape_of(0, lambda c: (*c.input().shape, 1))),
    "split.axis_fits": Edge(with_first(0, rank), with_first(0, lambda c: -rank(c))),
    "split_v.split.axis_fits": Edge(with_first(2, rank)),
    "unpack.split.axis_fits": Edge(by(lambda c: change_attrs(axis=rank(c)))),
    "split.count_fits": Edge(more_outputs),
    "split.parts_are_equal": Edge(
        then(change_input(1, shape=(3,)), numbers(0, lambda c: [0]), HALVES),
        then(change_input(1, shape=(2,)), numbers(0, lambda c: [0]), HALVES),
    ),
    "split.sizes_add_up": Edge(
        edited(1, lambda c, old: np.where(np.arange(len(old)) == 0, old + 1, old))
    ),
    "split.outputs_match": Edge(second_output(dtype=DType.UINT8)),
    "split.each_is_unpacked": Edge(
        then(change_input(0, shape=(3,)), outputs(2), change_attrs(count=2, axis=0)),
        then(change_input(0, shape=(2,)), outputs(2), change_attrs(count=2, axis=0)),
    ),
    "slice.box_fits": Edge(
        with_first(1, lambda c: c.input().shape[0]),
        then(
            numbers(1, lambda c: [n - 1 for n in c.input().shape]),
            numbers(2, lambda c: [1] * rank(c)),
        ),
    ),
    "strided_slice.end_is_absolute": Edge(change_attrs(offset=True)),
    "strided_slice.indices_are_known": Edge(change_input(1, data=None)),
    "strided_slice.indices_fit": Edge(
        with_first(3, lambda c: 0), numbers(3, lambda c: [1] * c.input(3).elements)
    ),
    "gather.axis_fits": Edge(by(lambda c: change_attrs(axis=rank(c))), FIRST_AXIS),
    "gather.constant_indices_fit": Edge(
        then(FIRST_AXIS, numbers(1, lambda c: [c.input().shape[0]])),
        then(FIRST_AXIS, numbers(1, lambda c: [c.input().shape[0] - 1])),
    ),
    "gather.indices_are_int32": Edge(change_input(1, dtype=DType.INT64)),
    "reverse_v2.axes_fit": Edge(with_first(1, rank), with_first(1, lambda c: -rank(c))),
    "tile.multiples_fit": Edge(with_first(1, lambda c: 0), with_first(1, lambda c: 1)),
    "tile.shape_fits": Edge(
        then(change_input(0, shape=(2,)), numbers(1, lambda c: [3])),
        then(change_input(0, shape=(1,)), numbers(1, lambda c: [3])),
    ),
    # ---- borders and blocks
    "pad.paddings_are_known": Edge(change_input(1, data=None), change_input(1, dtype=DType.INT64)),
    "pad.paddings_are_positive": Edge(with_first(1, lambda c: -1), with_first(1, lambda c: 0)),
    "pad.axes_fit": Edge(
        *(
            then(
                change_input(0, shape=(2,) * axes),
                change_input(1, shape=(axes, 2), data=np.ones((axes, 2), np.int32)),
            )
            for axes in (5, 4)
        )
    ),
    "pad.value_is_known": Edge(change_input(2, data=None)),
    "mirror_pad.reflection_is_short": Edge(
        *(
            then(
                change_attrs(mode=Mode.REFLECT),
                change_input(0, shape=(3,)),
                change_input(1, shape=(1, 2), data=np.array([[most, 0]], np.int32)),
            )
            for most in (3, 2)
        )
    ),
    "space_to_depth.block_divides_depth": Edge(
        then(change_input(0, shape=(1, 2, 2, 6)), change_attrs(block=2)),
        then(change_input(0, shape=(1, 2, 2, 4)), change_attrs(block=2)),
    ),
    "space_to_depth.block_divides_image": Edge(
        then(change_input(0, shape=(1, 4, 3, 1)), change_attrs(block=2)),
        then(change_input(0, shape=(1, 4, 2, 1)), change_attrs(block=2)),
    ),
    "resize_bilinear.rules.same_type_in_out": Edge(
        then(change_input(0, dtype=DType.UINT8), change_output(dtype=DType.UINT8))
    ),
    "resize_bilinear.rules.quantized_per_tensor": Edge(affine(quant([0.5, 0.25], 0, 0))),
    "resize_bilinear.modes_exclude": Edge(
        change_attrs(align_corners=True, half_pixel_centers=True)
    ),
    "resize_bilinear.size_fits": Edge(numbers(1, lambda c: (1, 0)), numbers(1, lambda c: (1, 1))),
    "resize_bilinear.positions_fit": Edge(enlarged(0), enlarged(-1)),
    "space_to_batch_nd.input_is_image": Edge(change_input(0, shape=(2, 2))),
    "space_to_batch_nd.block_fits": Edge(with_first(1, lambda c: 0)),
    "space_to_batch_nd.block_divides_batch": Edge(
        by(lambda c: change_input(0, shape=(c.input().shape[0] + 1, *c.input().shape[1:])))
    ),
    "space_to_batch_nd.block_divides_padded_image": Edge(
        by(
            lambda c: change_input(
                0, shape=(c.input().shape[0], c.input().shape[1] + 1, *c.input().shape[2:])
            )
        )
    ),
    # ---- states
    "read_variable.variable_fits": Edge(change_output(dtype=DType.INT16)),
    "assign_variable.read_variable.variable_fits": Edge(change_input(1, shape=(3, 2))),
    "svdf.activation_clamps_nothing": Edge(
        then(change_output(quant=quant(1.0, -127)), change_attrs(activation=Activation.RELU)),
        then(change_output(quant=quant(1.0, -128)), change_attrs(activation=Activation.RELU)),
    ),
    "svdf.has_a_state": Edge(change_input(4, None)),
    "svdf.quantization_fits": Edge(change_input(4, quant=quant(0.5, 1))),
    "svdf.shapes_fit": Edge(by(lambda c: change_attrs(rank=0))),
    "svdf.sums_fit_int32": Edge(svdf_bias(1), svdf_bias(0)),
    "svdf.types_fit": Edge(change_output(dtype=DType.INT16), change_input(3, None)),
    "svdf.weights_are_constant": Edge(change_input(1, data=None)),
    "unidirectional_sequence_lstm.has_plain_gates": Edge(change_input(1, data=None)),
    "unidirectional_sequence_lstm.nonlinearity_fits": Edge(
        change_attrs(nonlinearity=Activation.RELU)
    ),
    "unidirectional_sequence_lstm.output_is_hidden": Edge(OTHER_SCALE),
    "unidirectional_sequence_lstm.quantization_fits": Edge(
        change_input(19, quant=quant(1.0, 0)), change_input(19, quant=quant(0.5, 0))
    ),
    "unidirectional_sequence_lstm.shapes_fit": Edge(
        by(lambda c: change_input(0, shape=(*c.input().shape[:2], c.input().shape[2] + 1)))
    ),
    "unidirectional_sequence_lstm.sums_fit_int32": Edge(lstm_bias(1), lstm_bias(0)),
    "unidirectional_sequence_lstm.types_fit": Edge(change_output(dtype=DType.INT16)),
    "unidirectional_sequence_lstm.hidden_scale_is_sane": Edge(
        then(change_input(18, quant=quant(2.0**-30, 0)), change_output(quant=quant(2.0**-30, 0))),
        then(
            change_input(18, quant=quant(2.0**-29.9, 0)), change_output(quant=quant(2.0**-29.9, 0))
        ),
    ),
}
