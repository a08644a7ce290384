"""Gather what the parts of gpu_checks.sh have written, with the machine that they ran on, into one file.

python scripts/benchmarks/gpu_results.py PARTS RESULTS.json
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts import terminal


def gathered(parts: Path) -> dict[str, Any]:
    """Return exit status and results of every part by its name; results are None where it wrote none.

    Args:
        parts: Folder with NAME.status, and NAME.json where a part came so far.
    """
    found = {}
    for status in sorted(parts.glob("*.status")):
        written = status.with_suffix(".json")
        found[status.stem] = {
            "exit_status": int(status.read_text()),
            "results": json.loads(written.read_text()) if written.is_file() else None,
        }
    return found


def machine() -> dict[str, Any]:
    """Return the GPU and the versions that its kernels depend on."""
    import triton  # type: ignore[import-untyped, import-not-found, unused-ignore]

    here = terminal.machine()
    return {
        "date": here["date"],
        "machine": torch.cuda.get_device_name(),
        "multiprocessors": torch.cuda.get_device_properties(0).multi_processor_count,
        "versions": {
            "python": here["python"],
            "torch": torch.__version__,
            "cuda": torch.version.cuda,
            "triton": triton.__version__,
        },
    }


def main() -> None:
    """Write the file and say where it is."""
    parser = terminal.parser(__doc__)
    parser.add_argument("parts", type=Path, help="folder of the parts' files")
    parser.add_argument("results", type=Path, help="file that is written")
    options = parser.parse_args()
    found = {**machine(), **gathered(options.parts)}
    options.results.write_text(json.dumps(found, indent=1) + "\n")
    print(f"Results: {options.results}")


if __name__ == "__main__":
    main()
