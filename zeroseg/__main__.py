"""`python -m zeroseg` is `zeroseg`."""

import sys

from zeroseg.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
