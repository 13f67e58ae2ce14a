"""Run random models and report; exit status 1 if any differs."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from mcugen.ops import OPS
from mcugen.ops.base import Family
from mcugen.target import board_names, load_board
from mcugen.testing.fuzz import emulated
from mcugen.testing.fuzz.catalog import SUBJECTS
from mcugen.testing.fuzz.generate import Case, case
from mcugen.testing.fuzz.host import Host
from mcugen.testing.fuzz.minimise import minimise
from mcugen.testing.fuzz.networks import Networks
from mcugen.testing.fuzz.report import Coverage
from mcugen.testing.fuzz.run import Verdict, judge

BATCH = 50  # models in one program
NETWORKS = 10  # in one program
PER_BOARD = 60  # models that run on each board, about
SHOWN = 3000  # characters of a mismatch

Ops = tuple[str, ...] | None


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="mcugen-fuzz-") as folder:
        return _fuzz(options, Path(folder))


def _fuzz(options: argparse.Namespace, folder: Path) -> int:
    numbers = range(options.first, options.first + options.count)
    ops = tuple(options.ops.split(",")) if options.ops else None
    coverage = Coverage()
    with Progress(
        *Progress.get_default_columns()[:3],
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    ) as progress:
        task = progress.add_task("models", total=len(numbers))
        for verdicts in _verdicts(options.seed, numbers, ops, options.jobs, folder):
            for verdict in verdicts:
                coverage.add(verdict)
            progress.advance(task, len(verdicts))
    if numbers:
        print(coverage.text(whole=ops is None))
    for verdict in coverage.mismatches:
        _show(verdict, options, folder)
    networks = _networks(options, folder)
    for verdict in networks.mismatches:
        _show(verdict, options, folder)
    coverage.mismatches += networks.mismatches
    wrong = [_emulate(board, options.seed, numbers, ops) for board in options.board]
    return 1 if coverage.mismatches or any(wrong) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mcugen.testing.fuzz", description=__doc__)
    parser.add_argument("-n", "--count", type=int, default=1000, help="models (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="number of the first model")
    parser.add_argument("--ops", help="operators to use, separated by commas (all)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (%(default)s)")
    keras = "random Keras networks: float, int8 by TensorFlow, int8 by mcugen (%(default)s)"
    parser.add_argument("--networks", type=int, default=0, help=keras)
    parser.add_argument("--output", type=Path, default=Path("build/fuzz"), help="(%(default)s)")
    there = "run some of the models there as well, in QEMU"
    parser.add_argument("--board", action="append", default=[], choices=board_names(), help=there)
    return parser


def _networks(options: argparse.Namespace, folder: Path) -> Coverage:
    """Judge Keras networks, a few at a time; print what was covered, if any were asked for."""
    coverage = Coverage()
    if not options.networks:
        return coverage
    networks, host = Networks(), Host(folder)
    numbers = range(options.first, options.first + options.networks)
    refusals: Counter[str] = Counter()
    for first in range(0, len(numbers), NETWORKS):
        made = list(networks.made(options.seed, numbers[first : first + NETWORKS]))
        refusals.update(reason[:100] for _, reasons in made for reason in reasons)
        for verdict in judge([each for cases, _ in made for each in cases], host):
            coverage.add(verdict)
    networks.close()
    print(f"\n{options.networks} Keras networks: {coverage.text(whole=False)}")
    print(*(f"not made {n} times: {why}" for why, n in refusals.most_common()), sep="\n")
    return coverage


def _verdicts(
    seed: int, numbers: range, ops: Ops, jobs: int, folder: Path
) -> Iterator[list[Verdict]]:
    batches = [numbers[i : i + BATCH] for i in range(0, len(numbers), BATCH)]
    with ProcessPoolExecutor(jobs) as pool:
        for first in range(0, len(batches), 4 * jobs):
            part = batches[first : first + 4 * jobs]
            futures = [pool.submit(_batch, seed, batch, ops, folder) for batch in part]
            yield from (future.result() for future in as_completed(futures))


def _batch(seed: int, numbers: range, ops: Ops, folder: Path) -> list[Verdict]:
    return judge([case(seed, number, ops) for number in numbers], Host(folder))


def _show(verdict: Verdict, options: argparse.Namespace, folder: Path) -> None:
    """Save a failing model and a small one that fails, too; print how to see it again."""
    host = Host(folder)

    def fails(candidate: Case) -> bool:
        return bool(judge([candidate], host)[0].mismatch)

    small = minimise(verdict.case, fails)
    output: Path = options.output
    output.mkdir(parents=True, exist_ok=True)
    for each in (verdict.case, small):
        (output / f"{each.name}.tflite").write_bytes(each.model)
    operators = ", ".join(node.op for node in small.graph.nodes)
    kind, _, number, *_ = verdict.case.name.split("_")
    more = f" --ops {options.ops}" if options.ops else ""
    count = "-n 0 --networks 1" if kind == "keras" else "-n 1"
    print(
        f"\n{verdict.case.name}: {verdict.mismatch[:SHOWN]}\n"
        f"minimised to {operators}, {output / small.name}.tflite: "
        f"{judge([small], host)[0].mismatch[:SHOWN]}\n"
        f"again: python -m mcugen.testing.fuzz --seed {options.seed} --first {number} {count}{more}"
    )


def _emulate(name: str, seed: int, numbers: range, ops: Ops) -> bool:
    """Run some of the models on a board; True if any of them differs."""
    board = load_board(name)
    chosen = emulated.sample(board, numbers, ops or tuple(SUBJECTS), PER_BOARD)
    outcome = emulated.run([case(seed, number, ops) for number in chosen], board)
    print(
        f"\n{name}: {outcome.models} models with {len(outcome.kernels)} kernels, "
        f"{len(outcome.mismatches)} mismatches",
        *outcome.mismatches,
        sep="\n",
    )
    own = (name for name in sorted(outcome.kernels) if not name.endswith("_ref"))
    print(f"of its own instructions: {', '.join(own) or 'none'}")
    families = [family for family in board.cpu.families if family is not Family.REF]
    listed = {k.name for op in ops or SUBJECTS for k in OPS[op].kernels if k.family in families}
    print(f"of those without a run: {', '.join(sorted(listed - outcome.kernels)) or 'none'}")
    return bool(outcome.mismatches)


if __name__ == "__main__":
    sys.exit(main())
