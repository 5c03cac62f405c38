"""The same as tf-transfer report, whose flags and work are in tf_transfer/commands/report.py."""

import sys

from tf_transfer.__main__ import main

if __name__ == "__main__":
    main(["report", *sys.argv[1:]], program="python bin/report.py")
