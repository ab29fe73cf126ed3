"""``python -m sendgate`` is the command ``sendgate``."""

from .cli import main

if __name__ == "__main__":
    main()
