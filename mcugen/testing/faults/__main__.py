"""`python -m mcugen.testing.faults -n 10000`: a firmware behind a bad wire."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from mcugen import api
from mcugen.build import build
from mcugen.testing.faults import campaign
from mcugen.testing.faults.devices import Process
from mcugen.testing.faults.wire import Wire

DRIVERS = Path(__file__).with_name("firmware")  # of the host, for a terminal


def main() -> int:
    """Run a campaign; exit status 0 if nothing wrong was believed and nothing hung."""
    parser = argparse.ArgumentParser(prog="mcugen.testing.faults", description=__doc__)
    parser.add_argument("model", type=Path, help="a small model")
    parser.add_argument("-n", "--faults", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--gap", type=int, default=1000, help="bytes between faults")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mcugen-") as folder:
        plain, wired = images(arguments.model, Path(folder))
        _, cases = campaign.expected(plain, arguments.seed)
        with (
            Wire(arguments.seed, arguments.gap, has_rates=True) as wire,
            Progress(console=Console(stderr=True), transient=True) as bar,
        ):
            device = Process(wired, wire.board)
            task = bar.add_task("faults", total=arguments.faults)
            try:
                outcome = campaign.run(
                    wire,
                    device,
                    cases,
                    arguments.faults,
                    lambda done, total: bar.update(task, completed=done),
                )
            finally:
                device.stop()
    _show(outcome)
    return 0 if outcome.passed else 1


def images(model: Path, folder: Path) -> tuple[Path, Path]:
    """The observing firmware of a model for the host: over pipes, and over a terminal."""
    made = []
    for name in ("plain", "wired"):
        project = folder / name
        api.generate(model, "host", project)
        if name == "wired":
            shutil.copytree(DRIVERS, project / "firmware", dirs_exist_ok=True)
        made.append(build(project, observe=True).image)
    return made[0], made[1]


def _show(outcome: campaign.Outcome) -> None:
    total = sum(outcome.faults.values())
    kinds = ", ".join(f"{count:,} {fault.value}" for fault, count in outcome.faults.items())
    print(f"{total:,} faults: {kinds}")
    print(
        f"{outcome.inferences:,} inferences in {outcome.sessions:,} sessions; "
        f"{outcome.repeated:,} commands sent again, {outcome.resets:,} resets seen, "
        f"slowest inference {outcome.slowest:.1f} s"
    )
    for text, count in outcome.errors.most_common():
        print(f"  {count:5,} x {text}")
    print(f"0 hangs, {outcome.wrong} wrong results accepted")  # a hang would have ended this


if __name__ == "__main__":
    sys.exit(main())
