"""XML of strangers: bounded in size and depth, without a document type and without entities."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Collection
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from mcugen.errors import BoardError

LARGEST = 64 * 2**20  # bytes; the largest SVD file known has 25 MB
_DEEPEST = 50
Element = ElementTree.Element


def read_file(path: Path) -> bytes:
    """The bytes of a file that is not too large."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise BoardError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > LARGEST:
        raise BoardError(f"{path}: larger than {LARGEST // 2**20} MiB; no description is")
    return data


def parse(data: bytes, where: str, skip: Collection[str] = ()) -> Element:
    """The tree of a document, without the elements of the names in `skip`."""
    reader = _Reader(where, frozenset(skip))
    try:
        reader.parser.Parse(data, True)
        return reader.tree.close()
    except (expat.ExpatError, AssertionError, ValueError, LookupError) as error:
        raise BoardError(f"{where}: not XML: {error}") from error


class _Reader:
    """Builds a tree from expat's events."""

    def __init__(self, where: str, skip: frozenset[str]) -> None:
        self.tree = ElementTree.TreeBuilder()
        self.parser = expat.ParserCreate()
        self._where, self._skip = where, skip
        self._depth = self._skipped = 0
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse

    def _refuse(self, *_: object) -> NoReturn:
        raise BoardError(
            f"{self._where}: has a document type or entities; descriptions have none, remove it"
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise BoardError(f"{self._where}: nested deeper than {_DEEPEST}; no description is")
        if self._skipped or name in self._skip:
            self._skipped += 1
        else:
            self.tree.start(name, attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._skipped:
            self._skipped -= 1
        else:
            self.tree.end(name)

    def _text(self, text: str) -> None:
        if not self._skipped:
            self.tree.data(text)
