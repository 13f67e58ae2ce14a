"""What is said of boards that are really there, and of new ones, as text."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape

from mcugen.newboard import NewBoard
from mcugen.profiling import DeviceProfile
from mcugen.report import show
from mcugen.run.flash import Flashed
from mcugen.run.ports import PortList
from mcugen.tables import NAME_WIDTH, print_table, table


@show.register
def _(flashed: Flashed, console: Console, **options: Any) -> None:
    console.print(escape(flashed.command), soft_wrap=True)
    done = "would be flashed" if flashed.dry_run else "flashed"
    port = "" if flashed.port is None else f"; its port is {flashed.port}"
    console.print(escape(f"{flashed.board} {done}{port}"), soft_wrap=True)


@show.register
def _(board: NewBoard, console: Console, **options: Any) -> None:
    console.print(escape(str(board.directory / "board.toml")), soft_wrap=True)
    if board.notes:
        console.print(escape(board.notes), soft_wrap=True)
    if board.open:
        text = f'Still to be filled in, "?" there: {", ".join(board.open)}'
    else:
        text = f"It is complete: --board {board.directory}"
    console.print(escape(text), soft_wrap=True)


@show.register
def _(profile: DeviceProfile, console: Console, **options: Any) -> None:
    heads = ("#", "operator", "MACs", profile.unit, "per MAC", "name")
    rows = table(*heads, right=("#", "MACs", profile.unit, "per MAC"))
    for layer in profile.layers:
        per_mac = "" if layer.per_mac is None else f"{layer.per_mac:.2f}"
        figures = (f"{layer.macs:,}", f"{layer.time:,}", per_mac)
        rows.add_row(str(layer.index), layer.operator, *figures, escape(layer.name[-NAME_WIDTH:]))
    rows.add_section()
    rows.add_row("", "total", f"{profile.macs:,}", f"{profile.total:,}")
    print_table(rows, console)
    console.print(escape(f"{profile.milliseconds:,.3f} ms on {profile.port}; {profile.note}"))


@show.register
def _(listed: PortList, console: Console, **options: Any) -> None:
    for port in listed.ports:
        console.print(escape(str(port)), soft_wrap=True)
    if not listed.ports:
        console.print("no serial ports")
