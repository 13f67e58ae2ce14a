"""READ_VARIABLE and ASSIGN_VARIABLE: copies out of a variable and into it, in order of execution.

The importer makes a variable of all handles of one name. ASSIGN_VARIABLE has an output here, which
it has not in a file: the variable as it is afterwards. It lies where the variable does, so that the
copy goes there.
"""

from __future__ import annotations

from dataclasses import replace

from mcugen.ir import Call
from mcugen.ops import movers
from mcugen.ops.base import Array, Arrays, Op, Shape, no_attributes

VARIABLE, VALUE = 0, 1  # positions of the inputs


def infer(call: Call) -> tuple[Shape, ...]:
    """The variable's shape."""
    return (call.input(VARIABLE).shape,)


# ---- rules


def variable_fits(call: Call) -> str | None:
    """The value must have the type, the shape and the quantization of the variable."""
    variable = call.input(VARIABLE)
    value = call.output if call.node.op == "read_variable" else call.input(VALUE)
    if value.dtype is not variable.dtype:
        return f"a value of {value.dtype.value}, variable {variable.dtype.value}"
    if call.node.op == "assign_variable" and value.shape != variable.shape:
        return f"a value of shape {list(value.shape)}, variable of {list(variable.shape)}"
    return None if value.quant == variable.quant else "a value with another quantization"


# ---- semantics and kernel


def read(call: Call, inputs: Arrays) -> list[Array]:
    """Output, and the variable as it was."""
    return [inputs[VARIABLE].copy(), inputs[VARIABLE]]


def assign(call: Call, inputs: Arrays) -> list[Array]:
    """The variable, as an output and as the new state."""
    return [inputs[VALUE].copy(), inputs[VALUE].copy()]


COPY = movers.view_kernel(lambda call, x: x)

READ = Op(
    name="read_variable",
    tflite="READ_VARIABLE",
    decode=no_attributes,
    infer=infer,
    rules=(variable_fits,),
    floating=read,
    quantized=read,
    arity=(1, 1),
    state=(VARIABLE,),
    kernels=(COPY,),
)

ASSIGN = Op(
    name="assign_variable",
    tflite="ASSIGN_VARIABLE",
    decode=no_attributes,
    infer=infer,
    rules=(variable_fits,),
    floating=assign,
    quantized=assign,
    arity=(2, 2),
    state=(VARIABLE,),
    in_state=True,
    kernels=(replace(COPY, operands=(VALUE,)),),
)
