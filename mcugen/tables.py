"""Tables on the console: numbers are never cut, names give way."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console, ConsoleOptions, JustifyMethod
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

NAME_WIDTH, SHORT_NAME = 40, 8  # columns for a tensor's name: at most, and at least
NO_LIMIT = 10_000  # columns


class Name:
    """The end of a long path: as much of it as the column has room for."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Text]:
        width = min(options.max_width, NAME_WIDTH)
        short = self.name if len(self.name) <= width else f"...{self.name[3 - width :]}"
        yield Text(short, no_wrap=True, overflow="crop")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        most = min(len(self.name), NAME_WIDTH)
        return Measurement(min(most, SHORT_NAME), most)


def table(*columns: str, right: Iterable[str] = (), wrap: Iterable[str] = ()) -> Table:
    """Where the console is narrow, the last column gives way, and those of `wrap`."""
    result = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for column in columns:
        justify: JustifyMethod = "right" if column in right else "left"
        fixed = column != columns[-1] and column not in wrap
        result.add_column(column, justify=justify, no_wrap=fixed)
    return result


def print_table(table: Table, console: Console) -> None:
    """Numbers are never cut: where there is no room for them, lines run over the edge."""
    wide = console.options.update(width=NO_LIMIT)
    needed = console.measure(table, options=wide).maximum
    if needed > console.width:
        for column in table.columns:
            if not column.no_wrap:
                cells = [
                    console.measure(cell, options=wide) for cell in (column.header, *column.cells)
                ]
                needed -= max(cell.maximum for cell in cells) - max(cell.minimum for cell in cells)
        table.width = max(needed, console.width)
    console.print(table, crop=False, soft_wrap=True)
