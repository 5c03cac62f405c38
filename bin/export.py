"""The same as tf-transfer export, whose flags and work are in tf_transfer/commands/export.py."""

import sys

from tf_transfer.__main__ import main

if __name__ == "__main__":
    main(["export", *sys.argv[1:]], program="python bin/export.py")
