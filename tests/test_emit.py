"""The generated project: its text, that every compiler takes it, and that it computes right."""

from __future__ import annotations

import difflib
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from mcugen.emit import emit, render
from mcugen.errors import OutputError
from mcugen.ir import Graph
from mcugen.lower import lower
from mcugen.program import Program, Source
from mcugen.select import select
from mcugen.target import CPUS
from mcugen.testing import graphs
from mcugen.testing.kernels import WARNINGS

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = '*/ int x; /* "quote" \n#error\\\n int ??/ é 模型 // %s {{ 1 }}'


def program(graph: Graph, name: str | None = None) -> Program:
    source = Source(f"{graph.name}.tflite", "0123456789abcdef" * 4)
    return lower(graph, select(graph, CPUS["host"]), source, name=name)


def write(graph: Graph, directory: Path, name: str | None = None) -> Path:
    emit(program(graph, name), None, directory)
    return directory


def run(command: Sequence[str | Path], cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def sources(project: Path) -> list[Path]:
    return sorted(project.rglob("*.c"))


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A plain, a branching and a hostile project."""
    folder = tmp_path_factory.mktemp("projects")
    return [
        write(graphs.conv(), folder / "tiny"),
        write(graphs.branches(), folder / "branches"),
        write(graphs.conv(HOSTILE, HOSTILE, HOSTILE), folder / "hostile"),
    ]


# ---- the text


@pytest.mark.parametrize("graph", [graphs.conv(), graphs.branches()], ids=["tiny", "branches"])
def test_golden(graph: Graph, request: pytest.FixtureRequest) -> None:
    folder = GOLDEN / graph.name
    files = render(program(graph), None)
    kept = {name: text for name, text in files.items() if not name.startswith(("mcu/", "LICENSE"))}
    manifest = json.loads(kept[f"{graph.name}.json"])
    del manifest["files"]  # hashes of files that are compared as they are
    kept[f"{graph.name}.json"] = json.dumps(manifest, indent=2) + "\n"
    if request.config.getoption("--update-golden"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, text in kept.items():
            (folder / name).write_text(text, encoding="utf-8")
    assert {path.name for path in folder.iterdir()} == set(kept)
    for name, text in kept.items():
        golden = (folder / name).read_text(encoding="utf-8")
        lines = difflib.unified_diff(golden.splitlines(), text.splitlines(), name, name, "", "")
        assert golden == text, "\n".join(lines)


def test_same_input_same_bytes() -> None:
    assert render(program(graphs.branches()), None) == render(program(graphs.branches()), None)


def test_text_is_plain(projects: list[Path]) -> None:
    for path in (path for project in projects for path in project.rglob("*") if path.is_file()):
        text = path.read_bytes().decode("ascii")
        assert text.endswith("\n") and not text.endswith("\n\n"), path
        bad = [line for line in text.splitlines() if line != line.rstrip()]
        bad += [line for line in text.splitlines() if path.suffix in ".c.h" and len(line) > 100]
        assert not bad, path


def test_no_forbidden_words(projects: list[Path]) -> None:
    for path in (path for project in projects for path in project.rglob("*.[ch]")):
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.DOTALL)
        assert not re.search(r"\b(malloc|free|printf|goto|double|float|std(io|lib))\b", code), path


def test_clang_format_agrees(projects: list[Path], clang_format: list[str]) -> None:
    for project in projects:
        run([*clang_format, "--dry-run", "-Werror", *sorted(project.rglob("*.[ch]"))], project)


def test_manifest_describes_the_project(projects: list[Path]) -> None:
    record = json.loads((projects[1] / "branches.json").read_text())
    present = {p.relative_to(projects[1]).as_posix() for p in projects[1].rglob("*") if p.is_file()}
    assert set(record["files"]) == present - {"branches.json"}
    assert record["arena"]["bytes"] == 16 and len(record["layers"]) == 2
    assert [port["name"] for port in record["outputs"]] == ["output_0", "output_1"]


# ---- compilers


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_host_compilers(projects: list[Path], compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    for project in projects:
        command = [compiler, "-std=c99", *WARNINGS, "-c", *sources(project)]
        run(command, tmp_path)


@pytest.mark.parametrize(
    "cpu", ["cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"]
)
def test_arm_objects_have_no_variables(projects: list[Path], cpu: str, tmp_path: Path) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("needs arm-none-eabi-gcc")
    command = ["arm-none-eabi-gcc", *CPUS[cpu].flags, "-std=c99", "-O2", *WARNINGS, "-c"]
    run([*command, *sources(projects[1])], tmp_path)
    for path in sorted(tmp_path.glob("*.o")):
        with path.open("rb") as file:
            for section in ELFFile(file).iter_sections():
                if section.name.startswith((".data", ".bss")):
                    assert section["sh_size"] == 0, (path.name, section.name)


@pytest.mark.parametrize("standard", ["c++98", "c++17"])
def test_headers_in_cpp(projects: list[Path], standard: str, tmp_path: Path) -> None:
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("needs a C++ compiler")
    headers = [path for project in projects for path in sorted(project.rglob("*.h"))]
    source = tmp_path / "all.cpp"
    source.write_text("".join(f'#include "{header}"\n' for header in headers))
    options = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    run([compiler, f"-std={standard}", *options, source], tmp_path)


# ---- running


def test_selftest_under_sanitizers(projects: list[Path]) -> None:
    for project in projects:
        flags = "-g -Werror -fsanitize=address,undefined -fno-sanitize-recover=all"
        output = run(["make", "selftest", f"CFLAGS={flags}"], project)
        assert "self-test passed" in output


def test_selftest_fails_when_a_byte_differs(tmp_path: Path) -> None:
    project = write(graphs.branches(), tmp_path / "p")
    path = project / "branches_selftest.c"
    text = path.read_text()
    broken = re.sub(
        r"(expected_1\[8\] = \{\n    )(-?\d+)", lambda m: f"{m[1]}{int(m[2]) ^ 1}", text
    )
    assert broken != text
    path.write_text(broken)
    done = subprocess.run(["make", "selftest"], cwd=project, capture_output=True, timeout=60)
    assert done.returncode != 0


def test_two_models_and_their_contract_in_one_image(tmp_path: Path) -> None:
    for graph in (graphs.conv("one"), graphs.branches("two")):
        run(["make"], write(graph, tmp_path / graph.name))
    (tmp_path / "main.c").write_text(
        """
        #include "one/one.h"
        #include "two/two.h"
        #include <stddef.h>
        static union { int8_t bytes[4096]; long double align; } arena;
        int main(void) {
            int8_t *base = arena.bytes + 16 - ((uintptr_t)arena.bytes & 15U);
            if (one_invoke(NULL) != ONE_ERROR_ARENA) { return 1; }
            if (one_invoke(base + 4) != ONE_ERROR_ARENA) { return 2; }
            if (one_selftest(NULL) != -1) { return 3; }
            if (one_selftest(base) != 0 || two_selftest(base) != 0) { return 4; }
            return TWO_INPUT_1_SIZE == 8 && TWO_INPUT_1_ZERO_POINT == 7 ? 0 : 5;
        }
        """
    )
    tests = ["one/one_selftest.c", "two/two_selftest.c"]
    libraries = ["one/build/libone.a", "two/build/libtwo.a"]
    run(["gcc", "-std=c99", "-Wall", "-Werror", "main.c", *tests, *libraries, "-o", "a"], tmp_path)
    run([tmp_path / "a"], tmp_path)


def test_observer_sees_every_layer(tmp_path: Path) -> None:
    project = write(graphs.branches(), tmp_path / "p")
    (tmp_path / "observe.c").write_text(
        """
        #include <stdint.h>
        #include <stdio.h>
        void mcu_observe(int32_t layer, const void *output, int32_t bytes);
        void mcu_observe(int32_t layer, const void *output, int32_t bytes) {
            printf("%d %d %d\\n", (int)layer, (int)bytes, ((const int8_t *)output)[7]);
        }
        """
    )
    defines = ["-DMCU_OBSERVE", "-DBRANCHES_SELFTEST_MAIN"]
    run(["gcc", *defines, "observe.c", *sources(project), "-o", "observed"], tmp_path)
    lines = run([tmp_path / "observed"], tmp_path).splitlines()
    text = (project / "branches_selftest.c").read_text()
    last = re.findall(r"expected_\d\[8\] = \{\n(.*),\n", text)
    assert lines == [f"{i} 8 {row.split(',')[-1].strip()}" for i, row in enumerate(last)]


def test_cmake(tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    project = write(graphs.conv(), tmp_path / "tiny")
    run(["cmake", "-S", project, "-B", "b"], tmp_path)
    run(["cmake", "--build", "b"], tmp_path)
    run(["ctest", "--test-dir", "b"], tmp_path)


def test_wrong_kernels_are_refused(tmp_path: Path) -> None:
    project = write(graphs.conv(), tmp_path / "tiny")
    port = project / "mcu" / "mcu_port.h"
    port.write_text(re.sub(r"(MCU_KERNELS_ABI) \d+", r"\1 999", port.read_text()))
    done = subprocess.run(["make"], cwd=project, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "generate the project again" in done.stderr


# ---- the directory


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_existing_content_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(OutputError, match="not empty; use --force"):
        write(graphs.conv(), tmp_path)
    with pytest.raises(OutputError, match=r"did not write \(mine.txt\)"):
        emit(program(graphs.conv()), None, tmp_path, force=True)
    assert contents(tmp_path) == {"mine.txt": b"x"}


def test_empty_directory_is_used(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert (write(graphs.conv(), tmp_path / "out") / "tiny.c").is_file()


def test_force_replaces_a_generated_project(tmp_path: Path) -> None:
    project = write(graphs.branches(), tmp_path / "out")
    (project / "build").mkdir()
    (project / "build" / "stale.o").write_text("x")
    (project / "branches.c").write_text("edited")
    with pytest.raises(OutputError, match="not empty"):
        write(graphs.conv(), project)
    emit(program(graphs.conv()), None, project, force=True)
    assert contents(project).keys() == render(program(graphs.conv()), None).keys()


def test_force_spares_foreign_files(tmp_path: Path) -> None:
    project = write(graphs.conv(), tmp_path / "out")
    (project / "mcu" / "mine.c").write_text("x")
    before = contents(project)
    with pytest.raises(OutputError, match=r"mcu/mine\.c"):
        emit(program(graphs.conv()), None, project, force=True)
    assert contents(project) == before


def test_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = write(graphs.branches(), tmp_path / "out")
    before = contents(project)
    real = Path.write_bytes

    def full_disk(self: Path, data: bytes) -> int:
        if self.name == "tiny_weights.c":
            raise OSError(28, "No space left on device")
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    for directory, force in ((project, True), (tmp_path / "new", False)):
        with pytest.raises(OutputError, match="No space left on device"):
            emit(program(graphs.conv()), None, directory, force=force)
    assert contents(project) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failed_exchange_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = write(graphs.branches(), tmp_path / "out")
    before = contents(project)
    real = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(13, "Permission denied")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OutputError, match="Permission denied"):
        emit(program(graphs.conv()), None, project, force=True)
    assert contents(project) == before


def test_impossible_places(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(OutputError, match="cannot be written"):
        write(graphs.conv(), tmp_path / "loop")
    with pytest.raises(OutputError, match="is a file"):
        write(graphs.conv(), tmp_path / "file")
    with pytest.raises(OutputError, match="cannot be written"):
        write(graphs.conv(), tmp_path / "file" / "below")
