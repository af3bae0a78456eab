"""`python -m keras_groupnet` is `groupnet`."""

import sys

from keras_groupnet.cli.main import run

if __name__ == "__main__":
    sys.exit(run())
