#!/usr/bin/env bash
# From nothing to a first figure: installs, prepares the embedded images, trains configs/quickstart.py, prints the table.
# Run again, it sees that all is done. VENV, STORE and WORKDIR may be set in the environment.
set -euo pipefail
cd "$(dirname "$0")/.."
source bin/install.sh
store="${STORE:-stores/shapes}"
workdir="${WORKDIR:-work/quickstart}"
"$python" bin/prepare.py --source=shapes --out="$store"
"$python" bin/sweep.py --config=configs/quickstart.py --config.store="$store" --workdir="$workdir"
