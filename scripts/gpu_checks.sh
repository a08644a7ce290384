#!/usr/bin/env bash
# Check and measure the Triton kernels on an NVIDIA GPU: bash scripts/gpu_checks.sh RESULTS.json
# Needs python3 with torch and sympy, no environment of its own, no network; PYTHON names another interpreter.
# Takes less than 8 minutes. Exit status: 0 all well, 1 something failed, 2 nothing could be run.
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
import sympy, torch, triton
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
part mixture 190 "$python" scripts/benchmark_mixture.py --bars
part step 100 "$python" scripts/benchmark_mixture.py --step --processes 1
"$python" - "$parts" "$results" <<'EOF' || failed=1
import datetime
import json
import pathlib
import platform
import sys

import torch
import triton

parts, results = map(pathlib.Path, sys.argv[1:])
found = {
    "date": datetime.date.today().isoformat(),
    "machine": torch.cuda.get_device_name(),
    "multiprocessors": torch.cuda.get_device_properties(0).multi_processor_count,
    "versions": {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "triton": triton.__version__,
    },
}
for status in sorted(parts.glob("*.status")):
    path = status.with_suffix(".json")
    found[status.stem] = {
        "exit_status": int(status.read_text()),
        "results": json.loads(path.read_text()) if path.is_file() else None,
    }
results.write_text(json.dumps(found, indent=1) + "\n")
print(f"Results: {results}")
EOF
exit "$failed"
