"""The same as tf-transfer prepare, whose flags and work are in tf_transfer/commands/prepare.py."""

import sys

from tf_transfer.__main__ import main

if __name__ == "__main__":
    main(["prepare", *sys.argv[1:]], program="python bin/prepare.py")
