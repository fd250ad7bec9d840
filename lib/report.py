"""`python -m lib.report`: see `lib.outputs.report`."""

import sys

from lib.outputs.report import main

if __name__ == "__main__":
    sys.exit(main())
