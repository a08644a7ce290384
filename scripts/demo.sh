#!/usr/bin/env bash
# Chooses an activation for every layer of a small network on handwritten digits, and says whether it helped.
# The run directory is DIR (`bash scripts/demo.sh DIR`), by default the first free runs/demo-N.
set -euo pipefail
from="$PWD"
cd "$(dirname "$0")/.."
source scripts/environment.sh
prepare all
if [ $# -gt 0 ]; then
    case "$1" in /*) out="$1" ;; *) out="$from/$1" ;; esac
else
    number=1
    while [ -e "runs/demo-$number" ]; do number=$((number + 1)); done
    out="runs/demo-$number"
fi
# A given budget: by default it is what fits into the time of 20 trainings on this machine as busy as it is.
exec .venv/bin/autoact search --task digits --budget 40 --workers 2 --out "$out"
