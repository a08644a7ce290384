#!/usr/bin/env bash
# The fast tests with the lowest supported versions of what autoact needs, with Python 3.13 and the pinned ones, and
# with the newest: torch 2.14.1, which may come as a CUDA build of 5 GB, and of all else what pip finds.
# Versions warn of newer ones: deprecations are errors in test.sh alone.
#   bash scripts/versions.sh [--short]     --short: import autoact and run a handful of tests
set -euo pipefail
cd "$(dirname "$0")/.."
export CUDA_VISIBLE_DEVICES="" OMP_NUM_THREADS=1
tests=(-m "not slow" -n 2)
[ "${1:-}" = "--short" ] && tests=(tests/test_structure.py tests/spaces/test_choice.py tests/nn/test_auto.py -x)

run() { # NAME PYTHON CONSTRAINTS: makes .venv-NAME and runs the tests in it; says in one line what passed
    local name="$1" python="$2" constraints="$3" environment=".venv-$1"
    if ! "$python" -c '' 2>/dev/null; then
        echo "$name: $python is not there, nothing was run" && return 1
    fi
    [ -x "$environment/bin/python" ] || "$python" -m venv "$environment"
    if ! "$environment/bin/python" -m pip install --quiet --quiet --constraint "$constraints" torch --editable ".[test]"; then
        echo "$name: the versions in $constraints could not be installed, nothing was run" && return 1
    fi
    local said
    said="$("$environment/bin/python" -m pytest -q -p no:cacheprovider -W "default::DeprecationWarning" -W "default::FutureWarning" "${tests[@]}" 2>&1 | tee ".versions-$name.log" | tail -n 1)"
    echo "$name: $("$environment/bin/python" -c 'import torch, lightning, optuna; print("torch", torch.__version__, "lightning", lightning.__version__, "optuna", optuna.__version__)'): $said"
    [[ "$said" =~ passed && ! "$said" =~ (failed|error) ]]
}

lowest="$(mktemp)"
trap 'rm -f "$lowest" "${pinned:-}" "${newest:-}"' EXIT
python3 - > "$lowest" <<'PYTHON'
import re
import tomllib

project = tomllib.load(open("pyproject.toml", "rb"))["project"]
extras = project["optional-dependencies"]
for line in [*project["dependencies"], *extras["figures"], *extras["tasks"]]:
    name, low = re.match(r"([\w.-]+)(?:\[.*?\])?>=([\d.]+)", line).groups()
    print(f"{name}=={low}" if low.count(".") > 1 else f"{name}~={low}.0")
PYTHON
status=0
run lowest python3.11 "$lowest" || status=1
pinned="$(mktemp)"
grep -v '^triton==' constraints.txt > "$pinned" # torch brings its own
run 3.13 python3.13 "$pinned" || status=1
newest="$(mktemp)"
echo "torch==2.14.1" > "$newest"
run newest python3.11 "$newest" || status=1
exit "$status"
