"""Damages what goes between mcugen and a firmware, and counts what comes of it."""
