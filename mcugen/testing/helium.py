"""Runs C kernels for a Cortex-M55 in QEMU, many cases in one image.

The image needs neither start-up code nor a C library's: it calls the kernels one after the other
and sends all outputs, each with the guard behind it and behind the scratch memory, over the UART.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mcugen import cformat, resources
from mcugen.ops.base import Array
from mcugen.target import CPUS, load_board
from mcugen.testing.kernels import WARNINGS, KernelCase, case_source, kernel_source

TIMEOUT_S = 120
GUARD = b"\xa5" * 16

_MAIN = """
enum { GUARD = 16 };
static int8_t pool[POOL] __attribute__((aligned(16)));
static int8_t stack[4096] __attribute__((aligned(16)));
extern const void *const vectors[];
void start(void);

static void put(const int8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        while ((*(volatile uint32_t *)(UART + 4U) & 1U) != 0U) {
        }
        *(volatile uint32_t *)UART = (uint8_t)bytes[i];
    }
}

void start(void) {
    *(volatile uint32_t *)0xE000ED88U |= 0xFU << 20; /* CPACR: floating point and vectors */
    __asm__ volatile("dsb\\n isb");
    *(volatile uint32_t *)(UART + 16U) = 16U;
    *(volatile uint32_t *)(UART + 8U) = 1U;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const test_case *const c = &cases[i];
        void *blocks[MOST_BLOCKS];
        int8_t *next = pool;
        (void)memset(pool, 0xa5, sizeof pool);
        for (size_t b = 0; b < c->blocks; b++) {
            blocks[b] = next;
            if (b < c->operands) {
                (void)memcpy(next, c->data[b], c->sizes[b]);
            }
            next += (c->sizes[b] + GUARD + 15U) & ~(size_t)15U;
        }
        c->run(blocks);
        for (size_t b = c->operands; b < c->blocks; b++) {
            const size_t sent = (b < c->operands + c->outputs) ? 0U : c->sizes[b];
            put((const int8_t *)blocks[b] + sent, c->sizes[b] + GUARD - sent);
        }
    }
    for (;;) {
    }
}

const void *const vectors[] __attribute__((section(".vectors"))) = {
    stack + sizeof stack, (void *)start};
"""


def run_helium(cases: Sequence[KernelCase]) -> list[list[Array]]:
    """The outputs of each case; AssertionError where a kernel wrote behind its memory."""
    board = load_board("mps3-an547")
    assert board.emulator is not None and board.flash is not None and board.ram is not None
    lengths = [[size + len(GUARD) for size in _sent(case)] for case in cases]
    with tempfile.TemporaryDirectory(prefix="mcugen-helium-") as folder:
        source, image = Path(folder, "cases.c"), Path(folder, "cases.elf")
        source.write_text(_program(cases, board.uart.base))
        names = sorted({case.kernel.name for case in cases})
        command = [
            *("arm-none-eabi-gcc", *CPUS["cortex-m55"].flags, "-std=c99", "-O2", *WARNINGS),
            *("-Wno-pedantic", f"-I{resources.runtime_c() / 'include'}", "-nostartfiles"),
            f"-Wl,--section-start=.vectors={board.flash.origin:#x}",
            f"-Wl,-Ttext={board.flash.origin + 0x400:#x},-Tbss={board.ram.origin:#x},-estart",
            *("-o", str(image), str(source), *(str(kernel_source(name)) for name in names)),
        ]
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        received = _receive(board.emulator.machine, image, sum(map(sum, lengths)))
    return _split(received, cases)


def _sent(case: KernelCase) -> list[int]:
    """Bytes of each block that is sent, without its guard; of scratch memory nothing else is."""
    outputs = [output.bytes for output in case.call.outputs]
    return outputs + [0] * (case.kernel.scratch is not None)


def _receive(machine: str, image: Path, count: int) -> bytes:
    command = ["qemu-system-arm", "-machine", machine, "-kernel", str(image), "-serial", "stdio"]
    command += ["-display", "none", "-monitor", "none", "-nic", "none"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            return process.stdout.read(count)
        finally:
            process.kill()


def _split(received: bytes, cases: Sequence[KernelCase]) -> list[list[Array]]:
    position = 0
    results: list[list[Array]] = []
    for case in cases:
        blocks = []
        for size in _sent(case):
            end = position + size
            guard = received[end : end + len(GUARD)]
            assert guard == GUARD, f"{case.name}: writes behind its memory, or stops"
            blocks.append(received[position:end])
            position = end + len(GUARD)
        results.append(
            [
                np.frombuffer(block, tensor.dtype.numpy).reshape(tensor.shape)
                for tensor, block in zip(case.call.outputs, blocks, strict=False)
            ]
        )
    return results


def _program(cases: Sequence[KernelCase], uart: int) -> str:
    headers = sorted({case.kernel.header for case in cases})
    lines = ["#include <stdint.h>", "#include <string.h>", *(f'#include "{h}"' for h in headers)]
    rows = []
    for i, case in enumerate(cases):
        lines.append(case_source(i, case))
        names = []
        for n, value in enumerate(case.operands):
            names.append(f"operand{i}_{n}")
            data = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.int8)
            numbers = ",\n    ".join(cformat.rows(data))
            lines.append(f"static const int8_t {names[-1]}[] = {{\n    {numbers}}};")
        lines.append(f"static const int8_t *const data{i}[] = {{{', '.join(names)}}};")
        counts = f"{len(case.blocks)}, {len(case.operands)}, {len(case.call.outputs)}"
        rows.append(f"    {{run{i}, sizes{i}, data{i}, {counts}}},")
    room = max(sum(size + 32 for size in case.blocks) for case in cases)
    lines += [
        f"enum {{ POOL = {room}, MOST_BLOCKS = {max(len(case.blocks) for case in cases)} }};",
        f"#define UART {uart:#x}U",
        "typedef struct {",
        "    void (*run)(void *const *blocks);",
        "    const size_t *sizes;",
        "    const int8_t *const *data;",
        "    size_t blocks, operands, outputs;",
        "} test_case;",
        "static const test_case cases[] = {",
        *rows,
        "};",
    ]
    return "\n".join(lines) + _MAIN
