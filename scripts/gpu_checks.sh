#!/usr/bin/env bash
# Check and measure kernels, trainings and searches on an NVIDIA GPU: bash scripts/gpu_checks.sh RESULTS.json
# Needs python3 with autoact's own needs, no environment of its own, no network; PYTHON names another interpreter.
# Takes less than 10 minutes. Exit status: 0 all well, 1 something failed, 2 nothing could be run.
set -uo pipefail
if [ $# -ne 1 ]; then
    echo "Usage: bash scripts/gpu_checks.sh RESULTS.json" >&2
    exit 2
fi
case "$1" in
    /*) results="$1" ;;
    *) results="$PWD/$1" ;;
esac
cd "$(dirname "$0")/.." || exit 2
python="${PYTHON:-python3}"
export PYTHONPATH=. PYTHONUNBUFFERED=1
if ! missing="$("$python" -c '
import lightning, optuna, sympy, torch, triton
if torch.version.cuda is None or not torch.cuda.is_available():
    raise SystemExit(f"torch {torch.__version__} sees no NVIDIA GPU")
' 2>&1)"; then
    echo "Nothing was checked or measured: ${missing##*$'\n'}." >&2
    exit 2
fi
parts="$(mktemp -d)"
trap 'rm -rf "$parts"' EXIT
failed=0

part() { # NAME SECONDS COMMAND...: run one part within a time limit; it writes $parts/NAME.json
    local name="$1" seconds="$2" status=0
    shift 2
    echo "== $name"
    timeout "$seconds" "$@" --device cuda --json "$parts/$name.json" || status=$?
    echo "$status" > "$parts/$name.status"
    [ "$status" -eq 0 ] || failed=1
}

part checks 180 "$python" tests/kernels/gpu/triton_checks.py
part trainings 130 "$python" tests/gpu_checks.py
part mixture 190 "$python" scripts/benchmarks/mixture.py --bars
part step 100 "$python" scripts/benchmarks/mixture.py --step --processes 1
"$python" scripts/benchmarks/gpu_results.py "$parts" "$results" || failed=1
exit "$failed"
