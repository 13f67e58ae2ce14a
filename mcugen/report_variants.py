"""The variants of each layer as text."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape

from mcugen.report import GOOD, show
from mcugen.tables import NAME_WIDTH, print_table, table
from mcugen.variant_report import VariantReport


@show.register
def _(report: VariantReport, console: Console, **options: Any) -> None:
    measured = [f"measured {report.unit}"] if report.unit else []
    numbers = ("cycles", *measured, "constants", "code", "scratch")
    for layer in report.layers:
        name = layer.name if len(layer.name) <= NAME_WIDTH else f"...{layer.name[3 - NAME_WIDTH :]}"
        console.print(f"[bold]{layer.index} {layer.operator}[/] {escape(name)}")
        rows = table("", "kernel", *numbers, right=numbers)
        for row in layer.rows:
            figures = [row.cycles, *([row.measured] if measured else [])]
            figures += [row.constants, row.code, row.scratch]
            mark = f"{GOOD}*[/]" if row.chosen else " "
            rows.add_row(mark, row.kernel, *("" if n is None else f"{n:,}" for n in figures))
        print_table(rows, console)
        for refusal in layer.refusals:
            text = f"  not {refusal.kernel}: {refusal.found}; {refusal.rule}"
            console.print(escape(text), soft_wrap=True)
    cost = report.cost
    console.print(
        f"-O {report.objective} takes those with a star: {report.unit or 'modelled cycles'} "
        f"{cost.cycles:,}, constants and kernels {cost.flash:,} bytes, arena {cost.ram:,} bytes"
    )
    console.print("code counts once for all layers that share a kernel")
    if report.note:
        console.print(escape(report.note), soft_wrap=True)
