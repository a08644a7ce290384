#!/usr/bin/env bash
# Lint, types and tests, on CPU. Arguments go to pytest: `bash scripts/test.sh tests/nn -k start`.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh
prepare dev
export CUDA_VISIBLE_DEVICES="" OMP_NUM_THREADS=1
unset PYTHONDONTWRITEBYTECODE # tests start a hundred interpreters: none compiles the package again
# Searches write many small files, safely: in memory none waits for a disk.
if folder="$(mktemp -d /dev/shm/autoact-XXXXXX 2>/dev/null)"; then
    trap 'rm -rf "$folder" || true' EXIT
    cp "$(type -P true)" "$folder/runs" # compiled kernels must, which some containers forbid there
    if "$folder/runs" 2>/dev/null && [ "$(df --output=avail -k "$folder" | tail -n 1)" -gt 4000000 ]; then
        export TMPDIR="$folder"
    fi
fi
.venv/bin/python -m ruff check .
.venv/bin/python -m ruff format --check .
# Types beside the tests, which wait for files and processes: one after the other, a core waits for mypy
said="$(mktemp)"
.venv/bin/python -m mypy >"$said" 2>&1 &
types=$!
status=0
.venv/bin/python -m pytest -q -n 2 --dist worksteal "$@" || status=$?
wait "$types" || status=$?
cat "$said" # last: above 150 lines of tests nobody finds what mypy said
rm -f "$said"
exit "$status"
