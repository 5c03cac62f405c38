#!/usr/bin/env bash
# Writes docs/cifar100 from a finished workdir of configs/cifar100.py, and docs/published from the published scores, each
# with a picture of its page, and Figure 3 of docs/cifar100_natural from both tables: bash docs/make.sh WORKDIR. To be run where the sweep was, whose paths the page names; python
# and chromium must be on the PATH.
set -euo pipefail
docs="$(cd "$(dirname "$0")" && pwd)"
workdir="${1:?expected the workdir of configs/cifar100.py}"

picture() { # of DIRECTORY's page, as far down as it goes in so many pixels
  local profile
  profile="$(mktemp -d)"
  chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$profile" \
    --window-size="1000,$2" --screenshot="$1/report.png" "file://$1/report.html" 2>/dev/null
  rm -rf "$profile"
}

mkdir -p "$docs/cifar100" "$docs/published"
python "$docs/../bin/report.py" --workdir="$workdir" --compare=published
cp "$workdir"/{report.html,results.csv,effects.csv} "$workdir"/figures/{figure2,figure3,effects,learning_curves}.png \
  "$docs/cifar100"
python "$docs/../bin/report.py" --published --out="$docs/published"
rm "$docs"/published/*.svg # the page holds them
picture "$docs/cifar100" 2600
picture "$docs/published" 2600
PYTHONPATH="$docs/.." python - "$docs" <<'END'
import pathlib, sys
import pandas as pd
from tf_transfer.report.figures.figure3 import draw_figure3

docs = pathlib.Path(sys.argv[1])
tables = [pd.read_csv(docs / name / "results.csv") for name in ("cifar100_natural", "cifar100")]
draw_figure3(pd.concat(tables)).savefig(docs / "cifar100_natural" / "figure3.png", dpi=144)
END
