"""A model from its file to an emulated board, by mcugen's Python API.

python demo.py MODEL DATA [--float FLOAT_MODEL] [--board mps2-an386] [--limit N]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import mcugen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--float", type=Path, dest="float_model")
    parser.add_argument("--board", default="mps2-an386")
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as directory:
            return demo(options, Path(directory) / "project")
    except mcugen.McugenError as error:
        print(error, file=sys.stderr)
        return 2


def demo(options: argparse.Namespace, project: Path) -> int:
    model, board = options.model, options.board

    generated = mcugen.generate(model, board, project)
    row("model", f"{model.name}, {model.stat().st_size:,} bytes, {generated.macs:,} MACs")
    row("C project", f"{generated.files} files for {board}")

    built = mcugen.build_project(project)
    memory = built.memory
    row("flash", f"{memory.flash:,} bytes, code and constants")
    row("RAM", f"{memory.ram:,} bytes: arena {memory.arena:,}, stack {memory.stack:,}")

    profile = mcugen.profile(model, board)
    row("instructions", f"{profile.instructions:,} per inference")

    result = mcugen.validate(
        model, board, options.data, limit=options.limit, float_model=options.float_model
    )
    for accuracy in result.accuracies:
        row(f"{accuracy.who} accuracy", f"{accuracy.value:.4f}")
    for comparison in result.comparisons:
        difference = comparison.difference
        text = f"{difference.differing} of {difference.total:,}, against {comparison.reference}"
        row("differing bytes", text)
    print(result.verdict)
    return 0 if result.passed else 1


def row(label: str, text: str) -> None:
    print(f"{label:28} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
