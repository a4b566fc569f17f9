"""``python -m engine`` is ``azawatch``."""

from engine.cli import main

if __name__ == "__main__":
    main()
