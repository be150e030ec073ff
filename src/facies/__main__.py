"""``python -m facies`` is the command ``facies``."""

from facies.cli import main

if __name__ == "__main__":
    main()
