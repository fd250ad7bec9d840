"""`python -m lib.digest`: see `lib.outputs.digest_command`."""

import sys

from lib.outputs.digest_command import main

if __name__ == "__main__":
    sys.exit(main())
