"""The stack bound against compilers and against hand-made graphs."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from mcugen.stack import Frame, StackError, bound, combined, from_callgraph, from_disassembly

SOURCE = """
#include <stdint.h>
#include <string.h>
void sink(void *p);
__attribute__((noinline)) void leaf(void) { uint8_t a[100]; sink(a); }
__attribute__((noinline)) void deep(void) { uint8_t a[200]; sink(a); leaf(); sink(a); }
__attribute__((noinline)) void shallow(void) { uint8_t a[40]; sink(a); }
void entry(void) { shallow(); deep(); shallow(); }
void recursive(int n) { uint8_t a[8]; sink(a); if (n > 0) { recursive(n - 1); } sink(a); }
void variable(int n) { uint8_t a[n]; sink(a); }
void indirect(void (*f)(void)) { f(); sink(0); }
__attribute__((naked)) static void core(void) {
    __asm__("push {r4-r11, lr}\\n sub sp, #20\\n add sp, #20\\n pop {r4-r11, pc}");
}
void assembly(void) { uint8_t a[16]; sink(a); core(); sink(a); }
int64_t divide(int64_t a, int64_t b) { return a / b; }
"""
SINK = "void sink(void *p); void sink(void *p) { (void)p; }\n"


def arm(*arguments: str) -> str:
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The call graph of SOURCE, and the disassembly of the linked image."""
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("needs arm-none-eabi-gcc")
    folder = tmp_path_factory.mktemp("stack")
    (folder / "a.c").write_text(SOURCE)
    (folder / "sink.c").write_text(SINK)
    flags = ["-mcpu=cortex-m4", "-mthumb", "-Os", "-fcallgraph-info=su"]
    for name in ("a", "sink"):
        source, target = folder / f"{name}.c", folder / f"{name}.o"
        arm("arm-none-eabi-gcc", *flags, "-c", str(source), "-o", str(target))
    image = folder / "image.elf"
    link = ["arm-none-eabi-gcc", *flags[:2], "-nostartfiles", "-Wl,-e,entry"]
    arm(*link, str(folder / "a.o"), str(folder / "sink.o"), "-o", str(image))
    graph = (folder / "a.ci").read_text() + (folder / "sink.ci").read_text()
    return graph, arm("arm-none-eabi-objdump", "-d", "--no-show-raw-insn", str(image))


def test_call_graph_gives_the_deepest_path(compiled: tuple[str, str]) -> None:
    frames = from_callgraph([compiled[0]])
    # entry keeps lr; deep: 200 bytes and its registers; leaf: 100 bytes, padded, and lr
    own = {name: frames[name].bytes or 0 for name in ("entry", "deep", "leaf", "sink")}
    assert own["deep"] >= 200 and own["leaf"] >= 100
    assert bound(frames, "entry") == sum(own.values())
    assert 312 <= bound(frames, "entry") <= 344


def test_disassembly_agrees_with_the_compiler(compiled: tuple[str, str]) -> None:
    graph, listing = from_callgraph([compiled[0]]), from_disassembly(compiled[1])
    for name in ("entry", "deep", "shallow", "leaf", "sink"):
        assert listing[name].bytes == graph[name].bytes, name
    assert bound(listing, "entry") == bound(graph, "entry")


def test_library_routines_come_from_the_disassembly(compiled: tuple[str, str]) -> None:
    graph, listing = from_callgraph([compiled[0]]), from_disassembly(compiled[1])
    with pytest.raises(StackError, match="nothing is known of divide -> __aeabi_ldivmod"):
        bound(graph, "divide")
    assert 16 <= bound({**listing, **graph}, "divide") <= 128


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("recursive", "recursion through recursive -> recursive"),
        ("variable", "variable has a frame of variable size"),
        ("indirect", "indirect calls through a pointer"),
    ],
)
@pytest.mark.parametrize("view", [0, 1], ids=["callgraph", "disassembly"])
def test_unbounded(compiled: tuple[str, str], view: int, entry: str, message: str) -> None:
    frames = from_disassembly(compiled[1]) if view else from_callgraph([compiled[0]])
    with pytest.raises(StackError, match=message):
        bound(frames, entry)


def test_a_shared_callee_counts_once_per_path() -> None:
    frames = {
        "a": Frame(8, frozenset({"b", "c"})),
        "b": Frame(16, frozenset({"d"})),
        "c": Frame(4, frozenset({"d"})),
        "d": Frame(32, frozenset()),
    }
    assert bound(frames, "a") == 56
    assert bound(frames, "c") == 36


def test_register_lists_and_store_forms() -> None:
    listing = """
00000000 <f>:
   0:\tpush\t{r4, r5, lr}
   2:\tvpush\t{d8-d11}
   4:\tvpush\t{s16}
   6:\tstmdb\tsp!, {r6, r7}
   8:\tstr.w\tr8, [sp, #-8]!
   a:\tsub.w\tsp, sp, #1024\t; 0x400
   c:\tstmdb\tr0!, {r1, r2}
   e:\tbne.n\t4 <f+0x4>
  10:\tb.w\t100 <g>
  12:\tadd\tsp, #4
"""
    assert from_disassembly(listing) == {"f": Frame(12 + 32 + 4 + 8 + 8 + 1024, frozenset({"g"}))}


def test_assembly_is_counted_though_gcc_does_not(compiled: tuple[str, str]) -> None:
    graph, listing = from_callgraph([compiled[0]]), from_disassembly(compiled[1])
    (core,) = (frame for title, frame in graph.items() if title.endswith(":core"))
    assert core.bytes == 0
    frames = combined(graph, listing)
    assert bound(frames, "assembly") == (graph["assembly"].bytes or 0) + 9 * 4 + 20
    assert bound(frames, "entry") == bound(graph, "entry")


def test_what_assembly_calls_is_counted() -> None:
    graph = {"f": Frame(16, frozenset({"x.c:core"})), "x.c:core": Frame(0, frozenset())}
    graph["x.c:fill"] = Frame(24, frozenset())
    listing = from_disassembly(
        "00000000 <core>:\n   0:\tpush\t{r4, lr}\n   2:\tbl\t10 <fill>\n   6:\tpop\t{r4, pc}\n\n"
        "00000010 <fill>:\n  10:\tsub\tsp, #24\n  12:\tadd\tsp, #24\n  14:\tbx\tlr\n"
    )
    assert bound(combined(graph, listing), "f") == 16 + 8 + 24


def test_file_local_namesakes_count_as_the_larger() -> None:
    listing = (
        "00000000 <core>:\n   0:\tpush\t{r4, lr}\n   2:\tpop\t{r4, pc}\n\n"
        "00000010 <core>:\n  10:\tsub\tsp, #64\n  12:\tbx\tlr\n"
    )
    assert from_disassembly(listing)["core"].bytes == 64


def test_veneers_are_on_the_path() -> None:
    """gcc knows nothing of them; that of a Cortex-M0 takes a word, the other jumps by a load."""
    listing = (
        "00000000 <leaf>:\n   0:\tsub\tsp, #16\n\n"
        "00000010 <far>:\n   10:\tbx\tlr\n\n"
        "00000020 <__leaf_veneer>:\n"
        "   20:\tpush\t{r0}\n   22:\tldr\tr0, [pc, #8]\n   24:\tmov\tip, r0\n"
        "   26:\tpop\t{r0}\n   28:\tbx\tip\n\n"
        "00000030 <__far_veneer>:\n   30:\tldr.w\tpc, [pc]\n\n"
    )
    image = from_disassembly(listing)
    assert image["__far_veneer"] == Frame(0, frozenset({"far"}))
    compiled = {
        "entry": Frame(8, frozenset({"leaf", "far"})),
        "leaf": Frame(16, frozenset()),
        "far": Frame(0, frozenset()),
    }
    assert bound(combined(compiled, image), "entry") == 8 + 4 + 16
