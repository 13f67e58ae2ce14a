"""Strict reading of TOML: keys that nobody reads are errors that list the known ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcugen.errors import BoardError


@dataclass(frozen=True, slots=True)
class Table:
    """A TOML table that is read key by key; `where` names it in messages.

    Each method raises BoardError for what is missing or is not what it asks for.
    """

    where: str
    values: Mapping[str, Any]

    def only(self, *known: str) -> None:
        """Refuse keys that nobody reads."""
        unknown = sorted(set(self.values) - set(known))
        if unknown:
            self.refuse(f"unknown key {', '.join(unknown)}", f"known keys: {', '.join(known)}")

    def refuse(self, found: str, allowed: str) -> None:
        """Say what is wrong."""
        raise BoardError(f"{self.where}: {found}; {allowed}")

    def text(self, key: str, default: str | None = None) -> str:
        """A line of text."""
        value = self._value(key, default)
        if not isinstance(value, str) or not value.isprintable():
            raise BoardError(f"{self.where}: {key} is {value!r}; it must be a line of text")
        return value

    def texts(self, key: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """A list of lines of text, with at least one."""
        value = self._value(key, default)
        is_list = isinstance(value, list | tuple) and (value or default is not None)
        if not is_list or not all(isinstance(v, str) and v and v.isprintable() for v in value):
            raise BoardError(f"{self.where}: {key} is {value!r}; it must be a list of texts")
        return tuple(value)

    def choice(self, key: str, known: Sequence[str], default: str | None = None) -> str:
        """One of a few words."""
        value = self.text(key, default)
        if value not in known:
            self.refuse(f"{key} is {value!r}", f"known: {', '.join(known)}")
        return value

    def number(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number."""
        value = self._value(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise BoardError(
                f"{self.where}: {key} is {value!r}; it must be a whole number from {low} to {high}"
            )
        return value

    def table(self, key: str) -> Table:
        """A table in this table."""
        value = self._value(key, None)
        if not isinstance(value, dict):
            raise BoardError(f"{self.where}: {key} is {value!r}; it must be a table, [{key}]")
        return Table(f"{self.where} [{key}]", value)

    def tables(self) -> Iterator[tuple[str, Table]]:
        """All keys, each of which must be a table."""
        return ((key, self.table(key)) for key in self.values)

    def _value(self, key: str, default: Any) -> Any:
        if key not in self.values and default is None:
            self.refuse(f"{key} is missing", "add it; see the boards that come with mcugen")
        return self.values.get(key, default)
