"""Layouts of a project for other build systems: which files they want, and where the C files go.

A package has the model's C files, README, licence and record, and the files of its build system
from `templates/packages/NAME/`; the firmware is left out, since its user has one.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

from mcugen.errors import OutputError
from mcugen.program import Program

VENDOR = "mcugen"  # of a CMSIS-Pack


@dataclass(frozen=True, slots=True)
class Package:
    """One build system: `templates` map to files, `sources` is the folder of the C files.

    `archive` is the name of a zip file of everything, `root` the folder in it. In all names, {} is
    the project's prefix.
    """

    name: str
    templates: Mapping[str, str]
    sources: str = ""
    archive: str = ""
    root: str = ""

    @property
    def files(self) -> Mapping[str, str]:
        """Template to file."""
        return {f"packages/{template}": file for template, file in self.templates.items()}

    def place(self, name: str) -> str:
        """Where a file of a plain project goes."""
        return f"{self.sources}{name}" if name.endswith((".c", ".h")) else name


PACKAGES = {
    package.name: package
    for package in (
        Package(
            "zephyr",
            {
                "zephyr/module.yml.j2": "zephyr/module.yml",
                "zephyr/CMakeLists.txt.j2": "zephyr/CMakeLists.txt",
                "zephyr/Kconfig.j2": "zephyr/Kconfig",
            },
        ),
        Package(
            "arduino",
            {
                "arduino/library.properties.j2": "library.properties",
                "arduino/SelfTest.ino.j2": "examples/SelfTest/SelfTest.ino",
            },
            sources="src/",
            archive="{}.zip",
            root="{}/",
        ),
        Package("platformio", {"platformio/library.json.j2": "library.json"}),
        Package(
            "esp-idf",
            {
                "esp-idf/CMakeLists.txt.j2": "CMakeLists.txt",
                "esp-idf/idf_component.yml.j2": "idf_component.yml",
            },
        ),
        Package(
            "cmsis-pack",
            {"cmsis-pack/package.pdsc.j2": f"{VENDOR}.{{}}.pdsc"},
            archive=f"{VENDOR}.{{}}.{{version}}.pack",
        ),
    )
}

# What a package shares with a plain project; the rest belongs to another build system.
SHARED = ("{}.h", "{}.c", "{}_weights.h", "{}_weights.c", "{}_selftest.c", "README.md")


def find(name: str) -> Package:
    """The package of this name; raises OutputError where there is none."""
    if name not in PACKAGES:
        raise OutputError(f"{name}: no such format; known: {', '.join(sorted(PACKAGES))}")
    return PACKAGES[name]


def archive(package: Package, program: Program, files: Mapping[str, str]) -> tuple[str, bytes]:
    """The name and the bytes of the zip file; the same files always give the same bytes."""
    buffer = io.BytesIO()
    root = package.root.format(program.prefix)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, text in sorted(files.items()):
            entry = zipfile.ZipInfo(root + name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            pack.writestr(entry, text)
    name = package.archive.format(program.prefix, version=program.version)
    return name, buffer.getvalue()
