"""What the server writes down of itself: one JSON object a line, without personal data.

A log travels further than the database: to a disk, to an operator, into a ticket. So a line says what went wrong and where, never about
whom: of an error its type, the frames it passed and, from the database, the SQLSTATE and the constraint; never its message, which may
quote a row. Of a request the name of its address, not the address.
"""

import json
import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

FIELDS = ("method", "route", "status", "ms", "user")


class JsonLines(logging.Formatter):
    """``{"at", "level", "logger", "event", …}``: the message of our own lines is a sentence of ours; of others', the unfilled one."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(line_of(record), ensure_ascii=False, default=str)


class Words(logging.Formatter):
    """The same line for a person before a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        line = line_of(record)
        frames = line.get("error", {}).pop("frames", [])
        head = f"{line.pop('level')} {line.pop('logger')}: {line.pop('event')}"
        told = [f"{name}={value}" for name, value in line.items() if name != "at"]
        return "\n".join([" ".join([head, *told]), *(f"    {frame}" for frame in frames)])


def line_of(record: logging.LogRecord) -> dict[str, Any]:
    own = record.name.startswith("salur")
    line: dict[str, Any] = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": record.getMessage() if own else str(record.msg),
    }
    line |= {field: getattr(record, field) for field in FIELDS if hasattr(record, field)}
    match = getattr(getattr(record, "request", None), "resolver_match", None)
    if match is not None:
        line["route"] = match.route
    if record.exc_info and record.exc_info[1] is not None:
        line["error"] = error_of(record.exc_info[1])
    return line


def error_of(error: BaseException) -> dict[str, Any]:
    """An error's type, frames and, where the database refused, why; without its words."""
    found: dict[str, Any] = {"type": f"{type(error).__module__}.{type(error).__qualname__}"}
    cause = error.__cause__ or error.__context__ or error
    for name in ("sqlstate", "diag"):
        value = getattr(cause, name, None)
        if name == "diag" and value is not None:
            value = value.constraint_name
            name = "constraint"
        if value:
            found[name] = value
    frames = traceback.extract_tb(error.__traceback__)
    found["frames"] = [
        f"{frame.filename.rsplit('/site-packages/')[-1]}:{frame.lineno} {frame.name}" for frame in frames[-12:]
    ]
    return found


def settings() -> dict[str, Any]:
    """Django's ``LOGGING``: JSON on stderr, or plain words for who runs it in a terminal (``SALUR_LOG=words|json``)."""
    words = os.environ.get("SALUR_LOG", "words" if sys.stderr.isatty() else "json") == "words"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {"()": "salur.lib.logs.JsonLines"},
            "words": {"()": "salur.lib.logs.Words"},
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "words" if words else "json"}},
        "root": {"handlers": ["stderr"], "level": os.environ.get("SALUR_LOG_LEVEL", "WARNING")},
        "loggers": {
            "django": {"handlers": [], "level": "WARNING", "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            # Only what broke: a missing page is no news, and its line would fill the log.
            "django.request": {"handlers": [], "level": "ERROR", "propagate": True},
        },
    }
