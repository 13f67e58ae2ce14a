"""Exit statuses beyond 0."""

from __future__ import annotations

FAILED = 1  # the answer is no
ERROR = 2  # the user can mend it
INTERNAL = 70  # a fault of mcugen
INTERRUPTED = 130
