#!/usr/bin/env bash
# Makes the pages and figures of docs/ again.
#
#   bash docs/make.sh            docs/published, from the published scores
#   bash docs/make.sh WORKDIR    and docs/cifar100 from a finished workdir of configs/cifar100.py, and
#                                docs/cifar100_natural/figure3.png from both tables of results
#
# Run it where the sweep was, since the page names its paths. It needs python and chromium on the PATH.
set -euo pipefail
docs="$(cd "$(dirname "$0")" && pwd)"
export PYTHONPATH="$docs/.."
workdir="${1:-}"

screenshot() { # DIRECTORY: the upper 2600 pixels of its report.html, as report.png
  local profile
  profile="$(mktemp -d)"
  chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$profile" \
    --window-size=1000,2600 --screenshot="$1/report.png" "file://$1/report.html" 2>/dev/null
  rm -rf "$profile"
}

mkdir -p "$docs/published"
python "$docs/../bin/report.py" --published --out="$docs/published"
rm "$docs"/published/*.svg # the page holds them
screenshot "$docs/published"
[ -n "$workdir" ] || exit 0

mkdir -p "$docs/cifar100"
python "$docs/../bin/report.py" --workdir="$workdir" --compare=published
cp "$workdir"/{report.html,results.csv,effects.csv} "$workdir"/figures/{figure2,figure3,effects,learning_curves}.png \
  "$docs/cifar100"
screenshot "$docs/cifar100"
python - "$docs" <<'END'
import pathlib
import sys

import pandas as pd

import tf_transfer

docs = pathlib.Path(sys.argv[1])
tables = [pd.read_csv(docs / name / "results.csv") for name in ("cifar100_natural", "cifar100")]
tf_transfer.draw_figure3(pd.concat(tables)).savefig(docs / "cifar100_natural" / "figure3.png", dpi=144)
END
