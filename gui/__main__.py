"""`python -m gui` opens the window."""

import sys

from gui.window import start

if __name__ == "__main__":
    sys.exit(start())
