"""What the columns of an unknown layout seem to mean: by their headers, else by what stands in them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from salur.danom.reading import first_lines
from salur.danom.rules import COLUMNS, REQUIRED, canonical

_AREA = r"^[1-9]\d\.?\d\d\.?\d\d\.?\d{4}$"
_DATE = r"^(\d{4}-\d\d-\d\d|\d{1,2}[/-]\d{1,2}[/-]\d{4})"
_ENOUGH = 0.6


class Column(NamedTuple):
    """``means`` one of ``rules.COLUMNS`` or nothing; ``basis`` is ``header``, ``content`` or empty."""

    header: str
    means: str | None
    basis: str


class Proposal(NamedTuple):
    columns: list[Column]
    missing: list[str]
    encoding: str | None


def propose(path: Path, *, encoding: str | None = None) -> Proposal:
    """Look at the first lines of a file. Raises ``UnreadableList``. No value of the file appears in the answer."""
    frame, encoding_found = first_lines(path, encoding=encoding or "auto")
    columns = [Column(header, canonical(header), "header") for header in frame.columns]
    taken = {column.means for column in columns}
    for place, column in enumerate(columns):
        if column.means is None:
            means = next((name for name, looks in _LOOKS if name not in taken and looks(frame[column.header])), None)
            columns[place] = Column(column.header, means, "content" if means else "")
            taken.add(means)
    return Proposal(columns, [name for name in REQUIRED if name not in taken], encoding_found)


def _share(cells: pl.Series, pattern: str) -> float:
    given = cells.str.strip_chars().filter(cells != "")
    return float(given.str.contains(pattern).sum() / len(given)) if len(given) else 0.0


def _sixteen(cells: pl.Series) -> bool:
    return _share(cells, r"^['’]?\d{16}(\.0)?$|^\d(\.\d+)?[eE]\+?15$") > _ENOUGH


def _nik(cells: pl.Series) -> bool:
    """Sixteen digits, hardly any twice: a family card is shared."""
    return _sixteen(cells) and cells.n_unique() > 0.95 * len(cells)


def _amount(cells: pl.Series) -> bool:
    return _share(cells, r"^(Rp\.? ?)?[1-9]\d{1,2}([.,]?000){1,2}([.,]00?)?$") > _ENOUGH


def _name(cells: pl.Series) -> bool:
    return _share(cells, r"^[A-Za-z'. ]{3,60}$") > _ENOUGH and cells.n_unique() > 0.3 * len(cells)


def _matching(pattern: str) -> Callable[[pl.Series], bool]:
    return lambda cells: _share(cells, pattern) > _ENOUGH


# In the order of how sure one can be.
_LOOKS: Sequence[tuple[str, Callable[[pl.Series], bool]]] = (
    ("nik", _nik),
    ("no_kk", _sixteen),
    ("kode_desa", _matching(_AREA)),
    ("tanggal_lahir", _matching(_DATE)),
    ("jenis_kelamin", _matching(r"^(L|P|LAKI-LAKI|PEREMPUAN)$")),
    ("nominal", _amount),
    ("nama", _name),
)


def as_toml(proposal: Proposal) -> str:
    """The mapping as a file, every column of a list and what it is called here; those not found stand there to be filled in."""
    found = {column.means: column for column in proposal.columns if column.means}
    lines = [
        "# What the list's columns are called in this file. Look it over, then: salur danom import FILE --mapping THIS"
    ]
    if proposal.encoding not in (None, "utf-8"):
        lines.append(f'encoding = "{proposal.encoding}"')
    lines += ["", "[columns]"]
    for name in COLUMNS:
        column = found.get(name)
        if column is not None:
            header = column.header.replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'{name} = "{header}"' + ("  # by its content: check it" if column.basis == "content" else ""))
        elif name in REQUIRED:
            lines.append(f'# {name} = ""  # not found, and needed')
    unknown = [column.header for column in proposal.columns if column.means is None]
    if unknown:
        lines += ["", f"# Not used: {', '.join(unknown)}"]
    return "\n".join(lines) + "\n"
