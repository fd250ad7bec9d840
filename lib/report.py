"""`python -m lib.report`: see `lib.outputs.report`."""

import os
import signal
import sys


def _stop(*_: object) -> None:
    """Exit at once: interrupting threads and imports would print tracebacks as after a crash."""
    os.write(sys.stderr.fileno(), b"Interrupted: no report was made.\n")
    os._exit(128 + signal.SIGINT)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, _stop)
    from lib.outputs.report import main

    sys.exit(main())
