"""Measures an MLPerf Tiny firmware as the benchmark's own runner does, over a serial port.

    python runner.py PORT kws01 --data kws01.npz              accuracy, one inference a sample
    python runner.py PORT kws01 --data kws01.npz --performance 10

The data is an .npz with `x`, a sample a row in the type that the benchmark sends, and `y`, its
class (for ad01: 1 for an anomaly).
"""

from __future__ import annotations

import argparse
import re
import statistics
import time

import numpy as np
import serial

CHUNK = 31  # bytes per "db" command
TIMEOUT = 5.0  # s, for a line
WINDOWS = 5  # of a performance run; the median counts


class Dut:
    """The device under test: commands that end in '%', replies that end in m-ready."""

    def __init__(self, port: str, baud: int = 115200) -> None:
        self._port = serial.Serial(port, baud, timeout=0.1)

    def command(self, text: str, timeout: float = TIMEOUT) -> list[str]:
        """The lines of the reply; a line that begins with "e-" is an error."""
        self._port.write(f"{text}%".encode())
        lines: list[str] = []
        while not lines or "m-ready" not in lines[-1]:
            lines.append(self._line(text, timeout))
        errors = [line for line in lines if line.startswith("e-")]
        if errors:
            raise RuntimeError(f"{text[:20]}: {errors[0]}")
        return lines

    def load(self, data: bytes) -> None:
        """Send an input."""
        self.command(f"db load {len(data)}")
        last: list[str] = []
        for start in range(0, len(data), CHUNK):
            last = self.command(f"db {data[start : start + CHUNK].hex()}")
        if "m-load-done" not in last:
            raise RuntimeError("the input did not arrive")

    def infer(self, number: int, warmups: int, timeout: float) -> tuple[list[float], float | None]:
        """The results, and the seconds between both time stamps; None in energy mode."""
        lines = self.command(f"infer {number} {warmups}", timeout)
        (results,) = (found[1] for line in lines if (found := RESULTS.match(line)))
        laps = [int(found[1]) for line in lines if (found := LAP.match(line))]
        seconds = (laps[1] - laps[0]) / 1e6 if len(laps) == 2 else None
        return [float(value) for value in results.split(",")], seconds

    def identity(self) -> tuple[str, str]:
        """The name of the device, and of its model."""
        (name,) = (m[1] for line in self.command("name") if (m := NAME.match(line)))
        (model,) = (m[1] for line in self.command("profile") if (m := MODEL.match(line)))
        return name, model

    def close(self) -> None:
        """Let go of the port."""
        self._port.close()

    def _line(self, command: str, timeout: float) -> str:
        deadline = time.monotonic() + timeout
        line = b""
        while time.monotonic() < deadline:
            line += self._port.readline()
            if line.endswith(b"\n"):
                return line.decode().strip("\r\n\0")
        raise RuntimeError(f"no response to command {command[:20]}")


RESULTS = re.compile(r"^m-results-\[([^]]+)\]$")
LAP = re.compile(r"^m-lap-us-([0-9]+)$")
NAME = re.compile(r"^m-name-dut-\[([^]]+)\]$")
MODEL = re.compile(r"^m-model-\[([^]]+)\]$")


def accuracy(dut: Dut, model: str, samples: np.ndarray, labels: np.ndarray, timeout: float) -> str:
    """The share of right classes; for the anomaly detector the area under its ROC curve."""
    results = []
    for sample in samples:
        dut.load(sample.tobytes())
        results.append(dut.infer(1, 0, timeout)[0])
    if model == "ad01":
        scores = np.array(results)[:, 0]
        pairs = scores[labels == 1][:, None] - scores[labels == 0][None, :]
        return f"AUC {np.mean((pairs > 0) + 0.5 * (pairs == 0)):.4f}"
    return f"top-1 {np.mean(np.argmax(results, axis=1) == labels):.4f}"


def performance(dut: Dut, sample: np.ndarray, number: int, timeout: float) -> str:
    """The median of inferences per second over the windows."""
    rates = []
    for _ in range(WINDOWS):
        dut.load(sample.tobytes())
        seconds = dut.infer(number, 1, timeout)[1]
        if seconds is None:
            return "energy mode: the time is told by the pin"
        rates.append(number / seconds)
    short = "" if number / statistics.median(rates) >= 10 else "; a window must take 10 s"
    return f"{statistics.median(rates):.2f} inferences per second{short}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("port")
    parser.add_argument("model", choices=["kws01", "vww01", "ic01", "ad01"])
    parser.add_argument("--data", required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--baud", type=int, default=115200, help="9600 in energy mode")
    parser.add_argument("--performance", type=int, metavar="N", help="inferences in a window")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for one command")
    options = parser.parse_args()
    with np.load(options.data) as file:
        samples, labels = file["x"][: options.limit], file["y"][: options.limit]
    dut = Dut(options.port, options.baud)
    name, model = dut.identity()
    if model != options.model:
        raise SystemExit(f"{options.port}: {name} has {model}, not {options.model}")
    if options.performance:
        print(name, model, performance(dut, samples[0], options.performance, options.timeout))
    else:
        print(name, model, accuracy(dut, model, samples, labels, options.timeout))


if __name__ == "__main__":
    main()
