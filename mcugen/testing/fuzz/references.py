"""Runs the reference interpreters in a process of their own: some inputs make them abort."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection

from mcugen import reference
from mcugen.errors import McugenError
from mcugen.ir import TensorId
from mcugen.ops.base import Array
from mcugen.testing.fuzz.generate import Case

Tensors = Mapping[TensorId, Array]
Answer = list[Tensors] | str  # every tensor for each sample, or why there is none

ABORTED = "the reference ended the process"


def answers(cases: Sequence[Case]) -> Iterator[Answer]:
    """What the reference of each case computes, in order."""
    context = multiprocessing.get_context("fork")
    done = 0
    while done < len(cases):
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=_serve, args=(cases[done:], sender))
        child.start()
        sender.close()
        try:
            while done < len(cases):
                answer = receiver.recv()
                done += 1
                yield answer
        except EOFError:
            done += 1
            yield ABORTED
        finally:
            receiver.close()
            child.kill()
            child.join()


def _serve(cases: Sequence[Case], sender: Connection) -> None:
    for case in cases:
        sender.send(_answer(case))


def _answer(case: Case) -> Answer:
    load = {"tflm": reference.tflm, "litert": reference.litert}[case.reference]
    try:
        interpreter = load(case.model)
        return list(interpreter.sequence(case.samples()))
    except McugenError as error:
        return str(error)
