"""Where templates, C sources and boards lie: at the top of a checkout, or inside the wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    packaged = _PACKAGE / "_data" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name


def templates() -> Path:
    """The Jinja templates."""
    return _folder("templates")


def runtime_c() -> Path:
    """Headers, kernels and firmware in C."""
    return _folder("runtime_c")


def boards() -> Path:
    """The board descriptions."""
    return _folder("boards")
