"""Checks as plain functions: scripts run them on a GPU without pytest, tests run them without a GPU."""

from __future__ import annotations

import argparse
import json
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

Check = Callable[[str, float], None]


class Skipped(Exception):
    """A check that this machine cannot make; its text says why."""


class Checks(dict[str, Check]):
    """Checks by name, each a function (device, tolerance) that raises where something is wrong."""

    def __call__(self, function: Check) -> Check:
        """Put a function into the list."""
        self[function.__name__] = function
        return function

    def run(
        self, names: Sequence[str], device: str, tolerance: float
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Give name and result of checks: error and why it was skipped, None if neither, and seconds."""
        for name in names:
            start = time.perf_counter()
            error = skipped = None
            try:
                self[name](device, tolerance)
            except Skipped as reason:
                skipped = str(reason)
            except Exception:  # a check may fail in any way; the others run all the same
                error = traceback.format_exc()
            yield name, {"error": error, "skipped": skipped, "seconds": round(time.perf_counter() - start, 2)}

    def parser(self, description: str | None) -> argparse.ArgumentParser:
        """Return the arguments that every script of checks takes."""
        raw = argparse.RawDescriptionHelpFormatter
        parser = argparse.ArgumentParser(description=description, formatter_class=raw)
        parser.add_argument("--device", default="cuda", choices=["cpu", "cuda"])
        parser.add_argument("--json", type=Path)
        parser.add_argument("--only", nargs="+", default=list(self), choices=list(self))
        return parser

    def report(self, options: argparse.Namespace, tolerance: float) -> int:
        """Run the checks that were asked for, print and write results; return the number of failures."""
        results = {}
        for name, result in self.run(options.only, options.device, tolerance):
            word = "FAILED" if result["error"] else "skipped" if result["skipped"] else "ok"
            print(f"{word:7} {result['seconds']:6.1f} s  {name}", result["skipped"] or "", flush=True)
            if result["error"]:
                print(result["error"], flush=True)
            results[name] = result
        if options.json:
            options.json.write_text(json.dumps(results, indent=1))
        return sum(result["error"] is not None for result in results.values())
