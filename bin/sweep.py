"""The same as tf-transfer sweep, whose flags and work are in tf_transfer/commands/sweep.py."""

import sys

from tf_transfer.__main__ import main

if __name__ == "__main__":
    main(["sweep", *sys.argv[1:]], program="python bin/sweep.py")
