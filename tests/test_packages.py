"""Each package is built by its build system, or by a stand-in for that system's functions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import kconfiglib
import pytest
import xmlschema
from platformio.package.manifest.parser import ManifestParserFactory
from platformio.package.manifest.schema import ManifestSchema

import mcugen
from mcugen.errors import OutputError
from mcugen.ir import Io
from mcugen.packages import PACKAGES
from mcugen.placement import Placement

DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "digits_int8.tflite"
WARNINGS = ["-Wall", "-Wextra", "-Werror"]

MAIN = """
#include <stdio.h>
#include "digits.h"
static int8_t arena[DIGITS_ARENA_SIZE] __attribute__((aligned(DIGITS_ARENA_ALIGN)));
int main(void) {
    int wrong = (int)digits_selftest(arena);
    printf("%d wrong\\n", wrong);
    return wrong;
}
"""

CALLERS_MAIN = MAIN.replace("selftest(arena)", "selftest(arena, output)").replace(
    "int main",
    "static int8_t output[DIGITS_OUTPUT_SIZE] __attribute__((aligned(DIGITS_IO_ALIGN)));\nint main",
)

# What Zephyr and ESP-IDF give to a module or component, as a library of this computer.
ZEPHYR = """
cmake_minimum_required(VERSION 3.13)
project(app C)
set(CONFIG_DIGITS y)
function(zephyr_library_named name)
  add_library(${name} STATIC)
  set(ZEPHYR_CURRENT_LIBRARY ${name} PARENT_SCOPE)
endfunction()
macro(zephyr_include_directories)
  include_directories(${ARGN})
endmacro()
macro(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endmacro()
macro(zephyr_library_compile_options)
  target_compile_options(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endmacro()
add_subdirectory(package/zephyr)
add_executable(app main.c)
target_include_directories(app PRIVATE package)
target_link_libraries(app PRIVATE digits)
"""

ESP_IDF = """
cmake_minimum_required(VERSION 3.13)
project(app C)
macro(idf_component_register)
  cmake_parse_arguments(COMPONENT "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
  set(COMPONENT_LIB digits)
  add_library(digits STATIC ${COMPONENT_SRCS})
  target_include_directories(digits PUBLIC ${COMPONENT_INCLUDE_DIRS})
endmacro()
add_subdirectory(package)
add_executable(app main.c)
target_link_libraries(app PRIVATE digits)
"""

CMAKE = """
cmake_minimum_required(VERSION 3.13)
project(app C)
add_subdirectory(package)
add_executable(app main.c package/digits_selftest.c)
target_link_libraries(app PRIVATE digits)
"""

ARDUINO = """
#include <cstdio>
static struct {
    void begin(long) {}
    operator bool() const { return true; }
    void print(const char *text) { std::printf("%s", text); }
    void print(unsigned long number) { std::printf("%lu", number); }
    void println(const char *text) { std::printf("%s\\n", text); }
} Serial;
static unsigned long micros() { return 0; }
"""


@pytest.fixture
def package(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The digits model, laid out for the build system that is the test's parameter.

    A parameter that ends in `, io caller` leaves inputs and outputs to the caller.
    """
    folder = tmp_path / "package"
    name, _, given = (request.param or "").partition(", io ")
    placement = Placement(io=Io(given or "arena"))
    mcugen.generate(
        DIGITS, "host", folder, name="digits", package=name or None, placement=placement
    )
    (tmp_path / "main.c").write_text(CALLERS_MAIN if given else MAIN)
    return folder


def built_by_cmake(folder: Path, text: str) -> str:
    """Configure and build a CMakeLists.txt; what its program `app` prints."""
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    (folder / "CMakeLists.txt").write_text(text)
    for command in (["cmake", "-B", "build"], ["cmake", "--build", "build"], ["build/app"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("package", "text"),
    [
        (None, CMAKE),
        (", io caller", CMAKE),
        ("zephyr", ZEPHYR),
        ("zephyr, io caller", ZEPHYR),
        ("esp-idf", ESP_IDF),
    ],
    indirect=["package"],
    ids=["cmake", "cmake-caller", "zephyr", "zephyr-caller", "esp-idf"],
)
def test_cmake_builds_it_as_a_part_of_an_application(package: Path, text: str) -> None:
    assert built_by_cmake(package.parent, text) == "0 wrong\n"


@pytest.mark.parametrize("package", ["zephyr"], indirect=True)
def test_zephyr_module_names_files_that_exist(package: Path) -> None:
    module = (package / "zephyr" / "module.yml").read_text()
    assert re.search(
        r"^name: digits\nbuild:\n  cmake: zephyr\n  kconfig: zephyr/Kconfig$", module, re.M
    )
    options = kconfiglib.Kconfig(str(package / "zephyr" / "Kconfig"))
    assert options.syms["DIGITS"].type == kconfiglib.BOOL and not options.warnings


@pytest.mark.parametrize("package", ["arduino", "arduino, io caller"], indirect=True)
def test_arduino_library_and_its_sketch(package: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    with zipfile.ZipFile(package / "digits.zip") as archive:
        archive.extractall(library)
    root = library / "digits"
    properties = dict(
        line.split("=", 1) for line in (root / "library.properties").read_text().splitlines()
    )
    wanted = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url"}
    assert wanted <= properties.keys() and all(properties[key] for key in wanted)
    assert re.fullmatch(r"\d+\.\d+\.\d+", properties["version"])
    # Arduino compiles all of src/, with src/ alone in the include path, C files as C.
    sources = sorted(str(path) for path in (root / "src").rglob("*.c"))
    subprocess.run(
        ["gcc", "-c", *WARNINGS, f"-I{root / 'src'}", *sources], cwd=tmp_path, check=True
    )
    sketch = (root / "examples" / "SelfTest" / "SelfTest.ino").read_text()
    (tmp_path / "sketch.cpp").write_text(ARDUINO + sketch + "\nint main() { setup(); loop(); }\n")
    objects = [Path(source).with_suffix(".o").name for source in sources]
    command = [
        "g++",
        "-std=gnu++11",
        *WARNINGS,
        f"-I{root / 'src'}",
        "sketch.cpp",
        *objects,
        "-o",
        "sketch",
    ]
    subprocess.run(command, cwd=tmp_path, check=True)
    printed = subprocess.run(
        [tmp_path / "sketch"], capture_output=True, text=True, check=True
    ).stdout
    assert printed == "digits: the output is right, 0 us\n"


@pytest.mark.parametrize("package", ["esp-idf"], indirect=True)
def test_espressifs_component_manager_packs_it(package: Path, tmp_path: Path) -> None:
    sources = list(package.rglob("*.c"))
    compote = Path(sys.executable).with_name("compote")
    settings = {
        "cwd": package,
        "env": os.environ | {"IDF_COMPONENT_CHECK_NEW_VERSION": "0"},
        "capture_output": True,
        "text": True,
    }
    for command in (["manifest", "lint"], ["component", "pack", "--name", "digits"]):
        done = subprocess.run([compote, *command], **settings, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    with tarfile.open(next((package / "dist").glob("digits_*.tgz"))) as archive:
        packed = {name.removeprefix("./") for name in archive.getnames()}
    assert {path.relative_to(package).as_posix() for path in sources} <= packed


@pytest.mark.parametrize("package", ["platformio"], indirect=True)
def test_platformio_reads_its_metadata(package: Path) -> None:
    metadata = ManifestParserFactory.new_from_file(str(package / "library.json")).as_dict()
    del metadata["license"]  # PlatformIO compares it with a list that it downloads
    assert ManifestSchema().load_manifest(metadata)["headers"] == ["digits.h"]


@pytest.mark.parametrize("package", ["platformio"], indirect=True)
def test_platformio_metadata(package: Path, tmp_path: Path) -> None:
    metadata = json.loads((package / "library.json").read_text())
    assert metadata["name"] == metadata["headers"].removesuffix(".h") == "digits"
    assert re.fullmatch(r"\d+\.\d+\.\d+", metadata["version"]) and metadata["license"] == "MIT-0"
    build = metadata["build"]
    patterns = [re.fullmatch(r"\+<(.+)>", item)[1] for item in build["srcFilter"]]
    sources = {path for pattern in patterns for path in package.glob(pattern)}
    assert sources == set(package.rglob("*.c"))
    command = ["gcc", *build["flags"], *WARNINGS, f"-I{package}", "main.c", *map(str, sources)]
    subprocess.run([*command, "-o", "app"], cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "app"], check=False).returncode == 0


PACK_SCHEMA = xmlschema.XMLSchema11(Path(__file__).with_name("cmsis_pack.xsd"))


def cmsis_pack(folder: Path, board: str, name: str = "digits") -> tuple[str, set[str]]:
    """The description in a pack for a board, and the names of all files of the pack."""
    mcugen.generate(DIGITS, board, folder, name=name, package="cmsis-pack")
    (pack,) = folder.glob("*.pack")
    with zipfile.ZipFile(pack) as archive:
        text = archive.read(f"mcugen.{name}.pdsc").decode()
        names = set(archive.namelist())
    version = ET.fromstring(text).find("releases/release").get("version")
    assert pack.name == f"mcugen.{name}.{version}.pack"
    return text, names


# What tells the core apart, by the specification: DSP is an option of the Cortex-M33, and a part
# with Helium for floats says FP_MVE in place of MVE.
CORES = {
    "mps2-an386": [("require", {"Dcore": "Cortex-M4"})],
    "nucleo-g0b1re": [("require", {"Dcore": "Cortex-M0+"})],
    "mps2-an505": [("require", {"Dcore": "Cortex-M33", "Ddsp": "DSP"})],
    "ek-ra8d1": [
        ("require", {"Dcore": "Cortex-M85"}),
        ("accept", {"Dmve": "MVE"}),
        ("accept", {"Dmve": "FP_MVE"}),
    ],
    "host": [],
}


@pytest.mark.parametrize("board", CORES)
def test_cmsis_pack_follows_the_schema_and_lists_what_it_has(tmp_path: Path, board: str) -> None:
    text, names = cmsis_pack(tmp_path / "pack", board)
    PACK_SCHEMA.validate(text)
    description = ET.fromstring(text)
    rules = [rule for rule in description.findall("conditions/condition/*") if rule.attrib]
    assert [(rule.tag, rule.attrib) for rule in rules] == CORES[board]
    files = {file.get("name"): file.get("category") for file in description.iter("file")}
    assert files.keys() | {"LICENSE"} <= names
    listed = {name for name, category in files.items() if category == "source"}
    assert listed == {name for name in names if name.endswith(".c")}
    assert {"digits.h", description.findtext("license")} <= names


def test_cmsis_pack_of_the_longest_name_follows_the_schema(tmp_path: Path) -> None:
    text, _ = cmsis_pack(tmp_path / "pack", "host", name="m" * 24)
    PACK_SCHEMA.validate(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<vendor>mcugen", "<vendor>mcu gen"),
        ("<url></url>", ""),
        ('Csub="digits"', f'Csub="{"d" * 33}"'),
        ('category="header"', 'category="headers"'),
        ('Dcore="Cortex-M4"', 'Dcore="cortex-m4"'),
        ("<description>The neural", "<summary>x</summary><description>The neural"),
        (' id="core"', ""),
        (' condition="core"', ' condition="cores"'),
        ('<release version="', '<release version="v'),
    ],
)
def test_the_schema_refuses(tmp_path: Path, old: str, new: str) -> None:
    text, _ = cmsis_pack(tmp_path / "pack", "mps2-an386")
    assert text.count(old) >= 1
    assert not PACK_SCHEMA.is_valid(text.replace(old, new, 1))


def test_archives_are_reproducible(tmp_path: Path) -> None:
    packs = []
    for turn in ("a", "b"):
        mcugen.generate(DIGITS, "host", tmp_path / turn, name="digits", package="cmsis-pack")
        packs += [path.read_bytes() for path in (tmp_path / turn).glob("*.pack")]
    assert len(packs) == 2 and packs[0] == packs[1]


@pytest.mark.parametrize("package", list(PACKAGES), indirect=True)
def test_packages_are_replaced_with_force_and_not_built_here(package: Path) -> None:
    with pytest.raises(OutputError, match=r"is laid out for .*, which builds it"):
        mcugen.build_project(package)
    with pytest.raises(OutputError, match="exists and is not empty"):
        mcugen.generate(DIGITS, "host", package, name="digits")
    mcugen.generate(DIGITS, "host", package, name="digits", force=True)
    assert (package / "Makefile").is_file() and not list(package.glob("*.zip"))


def test_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="make: no such format; known: arduino, cmsis-pack"):
        mcugen.generate(DIGITS, "host", tmp_path / "p", package="make")
