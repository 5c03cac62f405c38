# Sourced by quickstart.sh and test.sh: makes .venv (or $VENV) and installs the package with its EXTRAS into it, unless
# that has been done since setup.py and constraints.txt last changed. Leaves the interpreter's path in $python.
venv="${VENV:-.venv}"
python="$venv/bin/python"
extras="${EXTRAS:-}"
stamp="$venv/.installed$extras"
wanted="$(cat setup.py constraints.txt | cksum)"
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  base="${PYTHON:-python3}"
  if ! "$base" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
    version="$("$base" --version 2>&1 | grep '^Python' || true)"
    echo "error: Python 3.11 to 3.13 is needed, and $base is ${version:-no Python}; set PYTHON to another one" >&2
    exit 1
  fi
  echo "installing into $venv (a minute or two)"
  [ -x "$python" ] || "$base" -m venv "$venv"
  "$python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".$extras"
  echo "$wanted" > "$stamp"
fi
