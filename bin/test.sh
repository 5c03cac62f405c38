#!/usr/bin/env bash
# Installs what the tests need and runs them; arguments go to pytest, for example: bash bin/test.sh -m slow
set -euo pipefail
cd "$(dirname "$0")/.."
EXTRAS="[test]"
source bin/install.sh
"$python" -m ruff check .
"$python" -m pytest "$@"
