"""Scripts beside the package: benchmarks, worked examples, builders of pages. None of it is in the wheel."""
