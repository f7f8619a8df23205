"""Cells for spreadsheets that other people open: what somebody typed is shown there and never run.

A spreadsheet takes a text of a CSV file that begins like a formula for one, and runs it on the reader's machine.
"""

from typing import TypeVar

Cell = TypeVar("Cell")


def harmless(cell: Cell) -> Cell | str:
    """A cell that a spreadsheet shows and does not run; what is no text stays as it is."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else cell
