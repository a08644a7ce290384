#!/usr/bin/env bash
# Lint, types and tests, on CPU. Arguments go to pytest: `bash scripts/test.sh tests/nn -k start`.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh
prepare dev
export CUDA_VISIBLE_DEVICES="" OMP_NUM_THREADS=1
.venv/bin/python -m ruff check .
.venv/bin/python -m ruff format --check .
.venv/bin/python -m mypy
.venv/bin/python -m pytest -q -n 2 --dist worksteal "$@"
