"""What a programme file may say, and who must approve a list. No database here.

The file is TOML; what it may hold is the types below (from ``FileKeys`` down), and every refusal names the line.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from salur.areas.rules import area_code
from salur.lib.csv_file import UnreadableFile, read_bytes, refusal


class Proxy(StrEnum):
    """Who may collect for a family whose named recipient cannot come: nobody, the family card, or whom the coordinator approves."""

    NONE = "none"
    SAME_FAMILY = "same_family"
    APPROVED = "approved"


class Order(StrEnum):
    """Which villages are visited first: those with signal, the hard ones, or those that save travel hours."""

    ONLINE_FIRST = "online_first"
    HARD_FIRST = "hard_first"
    TRAVEL = "travel"


class Geotag(StrEnum):
    """When a family's house is photographed and located: in the visit that pays, in a visit of its own, or not at all."""

    AT_PAYMENT = "at_payment"
    FOLLOW_UP = "follow_up"
    NONE = "none"


class Change(StrEnum):
    """What a decision does to a window: a later end, an end now, or open again until a moment."""

    EXTENDED = "extended"
    FROZEN = "frozen"
    REOPENED = "reopened"


class Keys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of a table: an unknown one is refused, because a misspelt policy would be no policy."""


class GeotagKeys(Keys, frozen=True):
    counter: Geotag = Geotag.FOLLOW_UP
    community: Geotag = Geotag.FOLLOW_UP
    door: Geotag = Geotag.AT_PAYMENT


class ApprovalKeys(Keys, frozen=True):
    """See ``needs_second_person``."""

    second_person: bool = True
    above_lines: int | None = None
    above_rp: int | None = None


class ExtensionKeys(Keys, frozen=True):
    area: str
    deadline: date
    reason: str


class StageKeys(Keys, frozen=True):
    code: str
    period: str
    opens: date
    deadline: date
    target_days: int = 14
    order: Order = Order.ONLINE_FIRST
    geotag: GeotagKeys = GeotagKeys()
    approval: ApprovalKeys = ApprovalKeys()
    extension: list[ExtensionKeys] = []


class ProgrammeKeys(Keys, frozen=True):
    code: str
    name: str
    amount_ceiling_rp: int
    proxy: Proxy = Proxy.SAME_FAMILY
    stage: list[StageKeys] = []


class FileKeys(Keys, frozen=True):
    programme: list[ProgrammeKeys]


@dataclass(frozen=True)
class Stage:
    """A stage as its row; ``line`` is where the file begins it, ``extensions`` are area → (deadline, reason, line)."""

    line: int
    code: str
    columns: dict[str, Any]
    extensions: dict[int, tuple[date, str, int]]


@dataclass(frozen=True)
class Programme:
    line: int
    code: str
    columns: dict[str, Any]
    stages: list[Stage]


def needs_second_person(
    *, second_person: bool, above_lines: int | None, above_rp: int | None, lines: int, amount_rp: int
) -> bool:
    """Whether a list of ``lines`` worth ``amount_rp`` is approved by somebody who did not import it.

    Without thresholds every list is; with one or both, a list that exceeds one of them.
    """
    if not second_person:
        return False
    if above_lines is None and above_rp is None:
        return True
    return (above_lines is not None and lines > above_lines) or (above_rp is not None and amount_rp > above_rp)


def read_programmes(path: Path) -> list[Programme]:
    """The programmes of a TOML file; raises ``UnreadableFile`` with file and line for the first thing that cannot be."""
    return _Reader(path).programmes()


_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", re.ASCII)
_PERIOD = re.compile(r"([12]\d{3})-(0[1-9]|1[0-2])(?:/([12]\d{3})-(0[1-9]|1[0-2]))?", re.ASCII)
_TOML_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_MSGSPEC_PLACE = re.compile(r"(?:.*?) - at `\$\.?(?P<path>.*)`$", re.DOTALL)
_TYPES = {
    "int": "a whole number",
    "str": "text in quotation marks",
    "date": "a date without quotation marks, as 2022-02-20",
    "bool": "true or false",
    "object": "a table",
    "array": "a list of tables in double brackets, as [[programme]]",
}
_HEADER = re.compile(r"\s*(\[\[?)\s*([\w.\s-]+?)\s*\]")
_KEY = re.compile(r"\s*([\w-]+)\s*(?:\.\s*[\w-]+\s*)*=")

# A place in the file: names of tables and positions in their lists, as ("programme", 0, "stage", 1, "opens").
Place = tuple[str | int, ...]


class _Reader:
    """One reading of one file: its text, and on which line each place of it stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        content = read_bytes(path)
        try:
            self.text = content.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise refusal(
                path, f"byte {content[error.start]:#04x} is not UTF-8: save the file as UTF-8.", line
            ) from error
        self.lines: dict[Place, int] = dict(_places(self.text))

    def refusal(self, place: Place, sentence: str) -> UnreadableFile:
        """What to raise about ``place``; it names the line of the nearest place that the file writes out."""
        nearest = place
        while nearest and nearest not in self.lines:
            nearest = nearest[:-1]
        return refusal(self.path, sentence, self.lines.get(nearest, 1))

    def programmes(self) -> list[Programme]:
        tables = self._convert(self._parse()).programme
        if not tables:
            raise refusal(self.path, "it holds no programme: begin one with [[programme]].")
        found = []
        lines: dict[str, int] = {}
        stage_lines: dict[str, int] = {}
        for number, table in enumerate(tables):
            place: Place = ("programme", number)
            self._once(place, "programme", table.code, lines)
            if not table.name.strip():
                raise self.refusal((*place, "name"), "name is empty.")
            self._positive((*place, "amount_ceiling_rp"), table.amount_ceiling_rp, 10**15)
            stages = []
            for stage_number, stage_table in enumerate(table.stage):
                stage_place = (*place, "stage", stage_number)
                self._once(stage_place, "stage", stage_table.code, stage_lines)
                stages.append(self._stage(stage_place, stage_table))
            columns = {
                "name": table.name.strip(),
                "proxy": table.proxy.value,
                "amount_ceiling_rp": table.amount_ceiling_rp,
            }
            found.append(Programme(lines[table.code], table.code, columns, stages))
        return found

    def _parse(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text)
        except (ValueError, RecursionError) as error:  # TOMLDecodeError; a number or a nesting beyond Python's bounds
            place = _TOML_PLACE.search(str(error))
            what = _TOML_PLACE.sub("", str(error))
            last = self.text.rstrip("\n").count("\n") + 1
            line = int(place[1]) if place and place[1] else last
            column = f", column {place[2]}" if place and place[2] else ""
            raise UnreadableFile(f"{self.path.name} line {line}{column}: it is not valid TOML ({what}).") from error

    def _convert(self, content: dict[str, Any]) -> FileKeys:
        try:
            return msgspec.convert(content, FileKeys)
        except msgspec.ValidationError as error:
            message = str(error)
        found = _MSGSPEC_PLACE.match(message)
        place = _place(found["path"]) if found else ()
        words = re.findall(r"`([^`]*)`", message.split(" - at ")[0])
        if message.startswith("Object contains unknown field"):
            raise self.refusal(
                (*place, words[0]), f"{words[0]} is not known here; known are {', '.join(_keys(place))}."
            )
        if message.startswith("Object missing required field"):
            raise self.refusal(place, f"{words[0]} is missing.")
        if message.startswith("Invalid enum value"):
            kind: type[StrEnum] = {"proxy": Proxy, "order": Order}.get(str(place[-1]), Geotag)
            given = message.removeprefix("Invalid enum value ").split(" - at ")[0]
            raise self.refusal(place, f"{place[-1]} is {given}; it must be one of {', '.join(kind)}.")
        # What is left names the types it expected, or a text that is no date.
        types = words[0].split(" | ") if words else ["date"]
        wanted = " or ".join(_TYPES[word] for word in types if word != "null")
        raise self.refusal(place, f"{place[-1] if place else 'the file'} must be {wanted}.")

    def _stage(self, place: Place, table: StageKeys) -> Stage:
        first, last = self._period((*place, "period"), table.period)
        self._positive((*place, "target_days"), table.target_days, 366)
        if table.deadline < table.opens:
            raise self.refusal((*place, "deadline"), f"deadline {table.deadline} lies before opens {table.opens}.")
        approval = table.approval
        for key, threshold in (("above_lines", approval.above_lines), ("above_rp", approval.above_rp)):
            if threshold is not None and not 0 <= threshold < (2**31 if key == "above_lines" else 10**18):
                raise self.refusal(
                    (*place, "approval", key), f"{key} is {threshold}; it must not be below zero or beyond all bounds."
                )
        if not approval.second_person and (approval.above_lines is not None or approval.above_rp is not None):
            raise self.refusal(
                (*place, "approval"), "thresholds for a second person make no sense with second_person = false."
            )
        columns = {
            "period_from": first,
            "period_to": last,
            "opens": table.opens,
            "target_days": table.target_days,
            "deadline": table.deadline,
            "order": table.order.value,
            "geotag_counter": table.geotag.counter.value,
            "geotag_community": table.geotag.community.value,
            "geotag_door": table.geotag.door.value,
            "second_person": approval.second_person,
            "second_person_above_lines": approval.above_lines,
            "second_person_above_rp": approval.above_rp,
        }
        extensions: dict[int, tuple[date, str, int]] = {}
        for number, extension in enumerate(table.extension):
            own = (*place, "extension", number)
            try:
                area = area_code(extension.area)
            except ValueError as error:
                raise self.refusal((*own, "area"), f"area: {error}") from None
            if area in extensions:
                raise self.refusal((*own, "area"), f"area {extension.area} has an extension already.")
            if extension.deadline <= table.deadline:
                sentence = f"deadline {extension.deadline} does not lie after the stage's deadline {table.deadline}."
                raise self.refusal((*own, "deadline"), sentence)
            if not extension.reason.strip():
                raise self.refusal(
                    (*own, "reason"), "reason is empty: say who extended the deadline and by which letter."
                )
            extensions[area] = (extension.deadline, extension.reason.strip(), self._line(own))
        return Stage(self._line(place), table.code, columns, extensions)

    def _period(self, place: Place, text: str) -> tuple[date, date]:
        found = _PERIOD.fullmatch(text)
        if found is None:
            raise self.refusal(place, f"period is “{text[:40]}”; write its first and last month, as 2022-01/2022-03.")
        first = date(int(found[1]), int(found[2]), 1)
        last = date(int(found[3]), int(found[4]), 1) if found[3] else first
        if last < first:
            raise self.refusal(place, f"period {text} ends before it begins.")
        return first, last

    def _once(self, place: Place, what: str, code: str, lines: dict[str, int]) -> None:
        if not _CODE.fullmatch(code):
            raise self.refusal(
                (*place, "code"), f"code “{code[:40]}” must be letters, digits and . _ - without spaces, 40 at most."
            )
        if code in lines:
            raise self.refusal((*place, "code"), f"{what} {code} stands on line {lines[code]} already.")
        lines[code] = self._line(place)

    def _positive(self, place: Place, value: int, most: int) -> None:
        if not 0 < value <= most:
            raise self.refusal(place, f"{place[-1]} is {value}; it must lie between 1 and {most:_}.")

    def _line(self, place: Place) -> int:
        return self.lines.get(place, 1)


def _keys(place: Place) -> tuple[str, ...]:
    """The keys a table at ``place`` may have."""
    names = [part for part in place if isinstance(part, str)]
    known: dict[str, type[Keys]] = {
        "programme": ProgrammeKeys,
        "stage": StageKeys,
        "extension": ExtensionKeys,
        "geotag": GeotagKeys,
        "approval": ApprovalKeys,
    }
    return known.get(names[-1] if names else "", FileKeys).__struct_fields__


def _place(path: str) -> Place:
    """``programme[0].stage[1].opens`` → ("programme", 0, "stage", 1, "opens")."""
    return tuple(int(part) if part.isdigit() else part for part in re.findall(r"[\w-]+", path))


def _places(text: str) -> Iterator[tuple[Place, int]]:
    """Where tables and keys stand, by the look of the lines: good enough to lead a person to the place, and used for nothing else."""
    counts: dict[Place, int] = {}
    table: Place = ()
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            names = [name.strip() for name in header[2].split(".")]
            table = ()
            for name in names[:-1]:
                table = (*table, name)
                if table in counts:
                    table = (*table, counts[table] - 1)
            table = (*table, names[-1])
            if header[1] == "[[":
                counts[table] = counts.get(table, 0) + 1
                table = (*table, counts[table] - 1)
            yield table, number
        elif key := _KEY.match(line):
            yield (*table, key[1]), number
