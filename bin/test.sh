#!/usr/bin/env bash
# Installs what the tests need, then checks style, doors between rooms and types, and runs the tests; arguments go to
# pytest, for example: bash bin/test.sh -m slow
set -euo pipefail
cd "$(dirname "$0")/.."
EXTRAS="[test]"
source bin/install.sh
"$python" -m ruff check --quiet .
"$python" -m ruff format --quiet --check .
"$venv/bin/lint-imports" --no-logo
"$python" -m mypy
"$python" -m pytest "$@"
