"""The command line as a module: `python -m autoact`."""

from autoact.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
