"""The program `mcugen`; also `python -m mcugen`."""

import sys


def main() -> int:
    """Run the command line; Ctrl-C while it is imported shows no traceback either."""
    try:
        from mcugen.cli import main as run
    except KeyboardInterrupt:
        return 130
    return run()


if __name__ == "__main__":
    sys.exit(main())
