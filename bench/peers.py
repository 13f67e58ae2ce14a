"""Figures of other tools for the same models, one inference."""

from __future__ import annotations

# TFLM (August 2026) with CMSIS-NN (July 2026), its release flags, instructions in QEMU 7.2.
INSTRUCTIONS = {
    "mps2-an386": {
        "kws_int8": 7_698_000,
        "ic_int8": 29_863_000,
        "vww_int8": 24_102_000,
        "ad_int8": 583_000,
    },
    "mps2-an500": {
        "kws_int8": 7_644_000,
        "ic_int8": 30_026_000,
        "vww_int8": 24_026_000,
        "ad_int8": 583_000,
    },
    "mps3-an547": {
        "kws_int8": 1_814_000,
        "ic_int8": 4_911_000,
        "vww_int8": 6_558_000,
        "ad_int8": 150_000,
    },
    "mps2-an385": {
        "kws_int8": 10_533_000,
        "ic_int8": 41_847_000,
        "vww_int8": 31_959_000,
        "ad_int8": 956_000,
    },
    "mps2-an385-m0": {
        "kws_int8": 28_997_000,
        "ic_int8": 97_555_000,
        "vww_int8": 86_904_000,
        "ad_int8": 1_763_000,
    },
}

# The same on a Cortex-M4: cycles by the same model as ours; arena, stack of Invoke(), flash in all.
TFLM_M4 = {
    "kws_int8": {"cycles": 8_890_000, "flash": 107_008, "arena": 22_820, "stack": 1_236},
    "ic_int8": {"cycles": 35_300_000, "flash": 149_372, "arena": 54_996, "stack": 1_236},
    "vww_int8": {"cycles": 28_100_000, "flash": 386_368, "arena": 100_708, "stack": 1_236},
    "ad_int8": {"cycles": 725_000, "flash": 304_680, "arena": 2_580, "stack": 740},
}

# The best published cycles on a Cortex-M4 (latency times clock): closed tools and submissions tuned
# by hand, on a board with five flash wait states, which cost 1.3 to 1.4 times.
BEST_PUBLISHED_M4 = {
    "kws_int8": 5_180_000,
    "ic_int8": 19_800_000,
    "vww_int8": 10_700_000,
    "ad_int8": 486_000,
}

# MAC per cycle of a Cortex-M4 that a class of layers should reach: at least, and better.
GOALS = {
    "1x1": (0.75, 0.92),
    "3x3": (0.9, 1.2),
    "3x3 /2": (0.8, 1.05),
    "first layer": (0.5, 0.7),
    "depthwise": (0.4, 0.64),
    "depthwise /2": (0.3, 0.46),
    "dense": (0.7, 0.85),
}
