"""Errors that users see.

Every message has the form `where: what was found; what is allowed; what to do`.
The command line prints them without a traceback and exits with status 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class McugenError(Exception):
    """Anything that the user can mend: a bad file, a missing tool, a model that does not fit."""


class ModelFileError(McugenError):
    """The file is not a readable model."""


class DataError(McugenError):
    """Input data or labels do not suit the model."""


class BoardError(McugenError):
    """A board is unknown, or its description is wrong."""


class ToolError(McugenError):
    """An external program is missing or failed."""


class RunError(McugenError):
    """The firmware hung, crashed or answered garbage."""


class PluginError(McugenError):
    """A file with custom operators cannot be used."""


class OptionError(McugenError):
    """An argument is none of those that are allowed."""


class OutputError(McugenError):
    """The output directory cannot be written."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing in a model that mcugen cannot accept."""

    where: str
    found: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found}; {self.allowed}"


class UnsupportedModelError(McugenError):
    """The model was read, but breaks rules; carries every problem, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
