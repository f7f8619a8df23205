"""``python -m salur`` is the same as ``salur``."""

from salur.cli import main

main()
