"""What mcugen needs on this machine: what is there, what is missing, how to install it."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from dataclasses import dataclass

APT = "sudo apt-get install"
TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that mcugen uses; `found` is its version, None where it is missing."""

    name: str
    purpose: str
    required: bool
    found: str | None
    install: str


@dataclass(frozen=True, slots=True)
class Health:
    """All checks; `ready` when nothing that is required is missing."""

    checks: tuple[Check, ...]
    ready: bool


@dataclass(frozen=True, slots=True)
class _Program:
    name: str
    purpose: str
    package: str
    required: bool = True


PROGRAMS = (
    _Program("make", "builds generated projects", "make"),
    _Program("gcc", "builds and runs on this machine (board `host`)", "gcc"),
    _Program("arm-none-eabi-gcc", "builds for Cortex-M", "gcc-arm-none-eabi"),
    _Program("qemu-system-arm", "runs firmware without a board", "qemu-system-arm"),
    _Program("clang", "builds with a second compiler, for tests", "clang", required=False),
    _Program("openocd", "flashes boards (`mcugen boards`)", "openocd", required=False),
    _Program("cmake", "builds generated projects by CMake", "cmake", required=False),
)

PACKAGES = (
    ("ai-edge-litert", "reads .tflite files; reference LiteRT", True, "pip install ai-edge-litert"),
    ("tflite-micro", "the reference, TFLM", False, "pip install 'mcugen[reference]'"),
)


def examine() -> Health:
    """Check every tool and package."""
    checks = (
        Check("python", "runs mcugen", True, platform.python_version(), ""),
        *(_package(*package) for package in PACKAGES),
        *(_program(program) for program in PROGRAMS),
        _newlib(),
    )
    return Health(checks, all(check.found or not check.required for check in checks))


def _package(name: str, purpose: str, required: bool, install: str) -> Check:
    try:
        found = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        found = None
    return Check(name, purpose, required, found, install)


def _program(program: _Program) -> Check:
    lines = _output(program.name, "--version").splitlines()
    found = lines[0].strip() or "found" if lines else None
    return Check(program.name, program.purpose, program.required, found, f"{APT} {program.package}")


def _newlib() -> Check:
    """Gcc prints the bare name of a library that it does not find."""
    path = _output("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-print-file-name=libc.a").strip()
    found = "found" if "/" in path else None
    return Check(
        "newlib", "the C library for Cortex-M", True, found, f"{APT} libnewlib-arm-none-eabi"
    )


def _output(*command: str) -> str:
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout or result.stderr
