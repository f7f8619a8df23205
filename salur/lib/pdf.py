"""Papers: a typst template that lives in a folder, and the data to be printed on it, become a PDF to be kept (PDF/A-2b).

A template is ``salur/<folder>/papers/NAME.typ``; it takes the house's style and its data from ``/lib/papers/style.typ`` (see there for the
letterhead, tables, signature blocks)::

    #import "/lib/papers/style.typ": *
    #show: paper
    #letterhead(data.office)

    paper = render(PAPERS / "statement.typ", {"office": …, "rows": …}, title="Berita Acara", as_of=at)

What people typed never becomes code: data reach the template as one JSON text and are printed as text. Money and counts are passed as whole
numbers (the style writes ``Rp1.234.567``); dates, moments and decimals are written here, as ``indonesian.py`` says. Every page's footer
carries the moment the data were read and the first digits of their SHA-256, so that two prints can be told apart and a
changed page can be found out. The same data give the same bytes. Only the fonts inside the typst wheel are used; nothing is fetched.
"""

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

import typst

from salur.lib.clock import WIB
from salur.lib.indonesian import day, moment, number

PACKAGE = Path(__file__).resolve().parent.parent
STANDARD: Final[Literal["a-2b"]] = "a-2b"
LARGE = 100_000  # signs of data, some fifty letters
REPLACEMENT = "□"  # stands for a character that no font of ours can print


@dataclass(frozen=True, slots=True)
class Paper:
    """A PDF, how many pages it has, the SHA-256 of the data on it (hex), and the characters that could not be printed."""

    content: bytes
    pages: int
    digest: str
    unprintable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Prepared:
    """Data as they will stand on a paper: the canonical JSON, its SHA-256, and the characters that could not be printed."""

    text: str
    digest: str
    unprintable: frozenset[str]


def prepare(data: Mapping[str, Any], zone: str = WIB) -> Prepared:
    """Write ``data`` out; whoever asks first whether a paper would be another one than last time hands the answer on to ``render``."""
    text = json.dumps(plain(data, zone), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    text, unprintable = printable(text)
    return Prepared(text, digest_of(text), unprintable)


def render(
    template: Path,
    data: Mapping[str, Any] | Prepared,
    *,
    title: str,
    as_of: datetime,
    zone: str = WIB,
    draft: bool = False,
) -> Paper:
    """Print ``data`` on ``template``; ``as_of`` is when the data were read and stands on every page.

    ``data`` may hold strings, whole numbers, booleans, lists, dictionaries, dates, moments, decimals and ids. ``draft`` writes DRAF across each
    page. A template that does not compile, or data that it does not know, is a bug and raises ``typst.TypstError``.
    """
    ready = data if isinstance(data, Prepared) else prepare(data, zone)
    about = {
        "title": printable(title)[0],
        "as_of": moment(as_of, zone),
        "digest": " ".join(ready.digest[at : at + 4] for at in range(0, 16, 4)),
        "draft": draft,
    }
    content = typst.compile(
        str(template),
        root=str(PACKAGE),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"data": ready.text, "about": json.dumps(about, ensure_ascii=False)},
        pdf_standards=STANDARD,
        timestamp=int(as_of.timestamp()),
        pdf_tags=False,
    )
    if len(ready.text) > LARGE:
        _forget()
    return Paper(content, _pages(content), ready.digest, ready.unprintable)


def put(path: Path, content: bytes) -> None:
    """A reader sees the old file or the new one, never half of one."""
    half = path.with_name(f".{path.name}.part")
    half.write_bytes(content)
    os.replace(half, path)


def look(template: Path) -> str:
    """The SHA-256 of all that makes a paper's look: template, style, typst's version. With the data's it tells whether a paper is the same."""
    style = PACKAGE / "lib" / "papers" / "style.typ"
    return hashlib.sha256(template.read_bytes() + style.read_bytes() + version("typst").encode()).hexdigest()


def _forget() -> None:
    """Let typst drop what it laid out: it keeps the work of its last ten papers for a next one that is nearly the same.

    Villages of 200 letters one after the other: 180 MB instead of 1.1 GB.
    """
    for _ in range(11):
        typst.compile(b"", font_paths=_fonts(), ignore_system_fonts=True)


def digest_of(text: str) -> str:
    """The hash that stands on a page: SHA-256 of the canonical JSON of its data (sorted keys, no spaces, UTF-8)."""
    return hashlib.sha256(text.encode()).hexdigest()


# Signs without a shape; JSON would write them as escapes, where ``printable`` does not see them.
_CONTROLS = dict.fromkeys((*range(32), 127)) | {ord("\t"): " ", ord("\n"): "\n"}


def plain(value: Any, zone: str = WIB) -> Any:
    """``value`` with dates, moments, decimals and ids written out, as it will stand on the page."""
    if isinstance(value, str):
        return value.translate(_CONTROLS)
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(part, zone) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [plain(part, zone) for part in value]
    if isinstance(value, datetime):
        return moment(value, zone)
    if isinstance(value, date):
        return day(value)
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot stand on a paper")  # a float most of all: money is whole rupiah


# Latin with the accents of Indonesia's languages and of transliterations, and the marks that our own texts use: known to be in the font.
_KNOWN = re.compile(r"[^\n\u0020-\u007e\u00a0-\u017f\u1e00-\u1eff‘’“”–—…•−×≥≤→□]")


def printable(text: str) -> tuple[str, frozenset[str]]:
    """``text`` composed (NFC) and without control and direction signs; what no font can print becomes ``□`` and is reported.

    PDF/A refuses a character without a glyph, and one name must not stop a village's papers.
    """
    text = unicodedata.normalize("NFC", text)
    strange = set(_KNOWN.findall(text))
    lost = set()
    for sign in strange:
        if unicodedata.category(sign) in ("Cc", "Cf", "Cs"):
            text = text.replace(sign, "")
        elif not _has_glyph(sign):
            text = text.replace(sign, REPLACEMENT)
            lost.add(sign)
    return text, frozenset(lost)


@cache
def _has_glyph(sign: str) -> bool:
    try:
        typst.compile(
            b"#sys.inputs.sign",
            font_paths=_fonts(),
            ignore_system_fonts=True,
            sys_inputs={"sign": sign},
            pdf_standards=STANDARD,
            timestamp=0,
        )
    except typst.TypstError:
        return False
    return True


@cache
def _fonts() -> typst.Fonts:
    """The fonts in the wheel: the same letters on every machine."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)


def _pages(content: bytes) -> int:
    """How many pages a PDF of typst has: the root of its page tree says so."""
    return max(int(count) for count in re.findall(rb"/Type\s*/Pages\b[^>]*?/Count\s+(\d+)", content))
