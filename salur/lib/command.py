"""How a command line verb answers.

Exit code 0: done. 1: done, but something needs a person. 2: wrong use or unreadable input, nothing changed, one sentence on stderr.
With ``--json`` stdout carries exactly one JSON object; progress and warnings always go to stderr.
"""

import functools
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import click

from salur.lib.problem import Problem


@dataclass(frozen=True)
class Answer:
    """What a verb found: ``data`` for programs, ``text`` for people, ``needs_person`` for exit code 1.

    ``as_json`` prints ``data`` whatever was asked, for verbs that have a ``--format json`` of their own.
    """

    data: dict[str, Any]
    text: str = ""
    needs_person: bool = False
    as_json: bool = False
    warnings: Sequence[str] = field(default=())


def answers(verb: Callable[..., Answer]) -> Callable[..., None]:
    """Give a click command ``--json`` and ``--debug`` and print its ``Answer``; a ``Problem`` becomes one sentence and exit 2."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    @click.option("--debug", is_flag=True, help="Show where an error came from.")
    @functools.wraps(verb)
    def command(*args: Any, as_json: bool, debug: bool, **kwargs: Any) -> None:
        try:
            answer = verb(*args, **kwargs)
        except Problem as problem:
            if debug:
                raise
            click.echo(problem.message, err=True)
            sys.exit(2)
        for warning in answer.warnings:
            click.echo(warning, err=True)
        click.echo(
            json.dumps(answer.data, default=plain, ensure_ascii=False)
            if as_json or answer.as_json
            else answer.text or plain_text(answer.data)
        )
        sys.exit(1 if answer.needs_person else 0)

    return command


def plain(value: object) -> object:
    """How the values JSON does not know are written: moments in ISO 8601, percentages as numbers."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def plain_text(data: dict[str, Any]) -> str:
    width = max((len(key) for key in data), default=0)
    return "\n".join(f"{key:<{width}}  {value}" for key, value in data.items())


def table(header: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[int] = ()) -> str:
    """A readable table; ``right`` names the columns (by position) that hold numbers."""
    cells = [[str(value) for value in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        parts = (
            value.rjust(width) if column in right else value.ljust(width)
            for column, (value, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(parts).rstrip()

    return "\n".join([line(cells[0]), "  ".join("-" * width for width in widths), *(line(row) for row in cells[1:])])


acting = click.option(
    "--as",
    "actor",
    default="cli",
    show_default=True,
    metavar="USER",
    help="Who acts; a second person must be another one.",
)
