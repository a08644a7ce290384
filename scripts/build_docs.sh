#!/usr/bin/env bash
# The docs as a site: `bash scripts/build_docs.sh [--short] [DIR]`, by default build/docs. A warning is an error.
# The notebooks are run before; --short gives their searches two trainings.
set -euo pipefail
from="$PWD"
cd "$(dirname "$0")/.."
short="" out="build/docs"
for argument in "$@"; do
    case "$argument" in
        --short) short="--short" ;;
        /*) out="$argument" ;;
        *) out="$from/$argument" ;;
    esac
done
source scripts/environment.sh
prepare docs
.venv/bin/python scripts/build_notebooks.py $short --out build/notebooks
.venv/bin/python -m sphinx -q -W --keep-going -E -a -d build/doctrees docs "$out"
cp "$out/README.html" "$out/index.html"
echo "$out/index.html"
