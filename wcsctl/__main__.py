"""Entry point: `wcsctl`, or `python -m wcsctl`."""

from wcsctl.cli import main

if __name__ == "__main__":
    main()
