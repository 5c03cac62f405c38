"""Describes a graph network on standard output: `python -m tf_transfer.networks.describe_graph NAME SIZE OPTIONS`."""

from __future__ import annotations

import dataclasses
import json
import sys

from tf_transfer.files import checksums
from tf_transfer.networks import graph


def main(name: str, input_size: str, options: str) -> None:
    """Writes the description as sealed JSON; what is wrong with the network, in a line on standard error."""
    try:
        network = graph.describe(name, int(input_size), json.loads(options))
    except ValueError as error:
        sys.exit(" ".join(str(error).split()))
    print(json.dumps(checksums.seal_json(dataclasses.asdict(network))))


if __name__ == "__main__":
    main(*sys.argv[1:])
