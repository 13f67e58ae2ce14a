"""The verb `quantize`: a float model to int8."""

from __future__ import annotations

from pathlib import Path

import click

from mcugen import api
from mcugen.cli import options
from mcugen.cli.options import PATH
from mcugen.cli.output import progress_bar, show
from mcugen.quantizer.config import Activations, Config, Effort, Pass
from mcugen.quantizer.ranges import Method


@click.command(short_help="Quantize a float MODEL to an int8 .tflite.")
@options.model
@click.option("--data", required=True, type=PATH, help="Samples to calibrate with, .npz or .npy.")
@click.option("-o", "--output", type=PATH, required=True, metavar="FILE", help="The .tflite.")
@click.option("--labels", "labelled", type=PATH, help="Samples and labels to measure accuracy on.")
@click.option(
    "--method",
    type=click.Choice(["auto", *options.values(Method)]),
    default="auto",
    help="How ranges are chosen.",
)
@click.option(
    "--layer-method",
    "layer_methods",
    multiple=True,
    metavar="LAYER=METHOD",
    help="Another method for the layers of this name or pattern.",
)
@click.option(
    "--weights",
    type=click.Choice(["per-channel", "per-tensor"]),
    default="per-channel",
    help="What shares one scale.",
)
@click.option(
    "--activations",
    type=click.Choice(options.values(Activations)),
    default="int8",
    help="Their type; int16 goes with int8 weights.",
)
@click.option("--keep-float", multiple=True, metavar="LAYER", help="Leave these layers float.")
@click.option("--budget", type=float, metavar="DB", help="Leave layers float to reach this SQNR.")
@click.option(
    "--effort",
    type=click.Choice(options.values(Effort)),
    default="normal",
    help="How long to search.",
)
@click.option(
    "--disable",
    type=click.Choice(options.values(Pass)),
    multiple=True,
    help="Skip an accuracy pass.",
)
@click.option(
    "--io", type=click.Choice(["int8", "float"]), default="int8", help="Type of inputs and outputs."
)
@options.json
def quantize(
    model: Path,
    data: Path,
    output: Path,
    labelled: Path | None,
    method: str,
    layer_methods: tuple[str, ...],
    weights: str,
    activations: str,
    keep_float: tuple[str, ...],
    budget: float | None,
    effort: str,
    disable: tuple[str, ...],
    io: str,
    as_json: bool,
) -> None:
    """Quantize a float MODEL (.keras, .h5, .tflite) to a standard int8 .tflite.

    \b
    Example: mcugen quantize kws.keras --data kws01.npz -o kws_int8.tflite
    """
    config = Config(
        method=None if method == "auto" else Method(method),
        methods=dict(_layer_method(text) for text in layer_methods),
        activations=Activations(activations),
        per_channel=weights == "per-channel",
        keep_float=keep_float,
        effort=Effort(effort),
        disable=frozenset(Pass(name) for name in disable),
        budget=budget,
    )
    with progress_bar("quantizing") as progress:
        result = api.quantize(
            model,
            data,
            output=output,
            config=config,
            labelled=labelled,
            float_edges=io == "float",
            progress=progress,
        )
    show(result.report if as_json else result, as_json)


def _layer_method(text: str) -> tuple[str, Method]:
    layer, _, name = text.rpartition("=")
    if not layer or name not in options.values(Method):
        allowed = ", ".join(options.values(Method))
        raise click.BadParameter(f"{text}: LAYER=METHOD with one of {allowed}")
    return layer, Method(name)


VERBS = (quantize,)
