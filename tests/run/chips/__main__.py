"""Boards that QEMU lacks, under Unicorn: `python chips BOARD IMAGE READS` prints the path of a pty
that is the board's UART, and runs the image until it is stopped."""

import sys
from pathlib import Path

from mcxn94x import Mcxn947
from nrf52 import Microbit2, Nano33Ble, Nrf52840
from rp2 import Rp2040, Rp2350
from rt1062 import Rt1062
from stm32 import F407, F446, F767, G0B1, H743, L4R5, U575

CHIPS = {
    "nucleo-f446re": F446,
    "stm32f4-discovery": F407,
    "nucleo-f767zi": F767,
    "nucleo-l4r5zi": L4R5,
    "nucleo-g0b1re": G0B1,
    "nucleo-h743zi2": H743,
    "nucleo-u575zi-q": U575,
    "nrf52840-dk": Nrf52840,
    "arduino-nano-33-ble": Nano33Ble,
    "microbit-v2": Microbit2,
    "pico": Rp2040,
    "pico2": Rp2350,
    "frdm-mcxn947": Mcxn947,
    "teensy41": Rt1062,
}

if __name__ == "__main__":
    chip = CHIPS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
    print(chip.port, flush=True)
    chip.run()
