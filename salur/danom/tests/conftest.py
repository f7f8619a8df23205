"""A stage whose list is still empty, and lists to write for it, of families that cannot exist."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from salur.programmes.commands import programmes

STAGE, BY_ONE, OTHER = "SEMBAKO-2022-2", "SEMBAKO-2022-3", "PKH-2022-2"
PROGRAMMES = f"""
[[programme]]
code = "SEMBAKO"
name = "Kartu Sembako"
amount_ceiling_rp = 4_000_000
[[programme.stage]]
code = "{STAGE}"
period = "2022-04/2022-06"
opens = 2022-06-20
deadline = 2022-08-05
[[programme.stage]]
code = "{BY_ONE}"
period = "2022-07/2022-09"
opens = 2022-09-20
deadline = 2022-10-05
approval = {{ second_person = true, above_lines = 3 }}
[[programme]]
code = "PKH"
name = "Program Keluarga Harapan"
amount_ceiling_rp = 4_000_000
[[programme.stage]]
code = "{OTHER}"
period = "2022-04/2022-06"
opens = 2022-07-01
deadline = 2022-08-05
"""
HEADER = "nik,nama,kode_desa,nominal,no_kk,tanggal_lahir,jenis_kelamin,alamat,rt,rw,no_undangan"


@pytest.fixture
def stage(office, typed, tmp_path: Path) -> str:
    """The code of a stage with an empty list; two stages more are ``BY_ONE`` and ``OTHER``."""
    (tmp_path / "programmes.toml").write_text(PROGRAMMES)
    assert typed(programmes, "import", tmp_path / "programmes.toml").code == 0
    return STAGE


def nik(number: int) -> str:
    """Of nobody: provinces are 11 to 97. Born on 1 January 1970, a man."""
    return f"99{number // 9999:04d}010170{number % 9999 + 1:04d}"


def family(number: int, **other: object) -> str:
    """A sound line; ``other`` says what is different."""
    born = f"{1930 + number // 336 % 70}-{number // 28 % 12 + 1:02d}-{number % 28 + 1:02d}"
    digits = f"{born[8:10]}{born[5:7]}{born[2:4]}"
    cells = {
        "nik": f"{nik(number)[:6]}{digits}{nik(number)[12:]}",
        "nama": f"SITI {chr(65 + number % 26)}{chr(65 + number // 26 % 26)}",
        "kode_desa": "3511012001",
        "nominal": "600000",
        "no_kk": f"99{number:014d}",
        "tanggal_lahir": born,
        "jenis_kelamin": "L",
        "alamat": "DUSUN KRAJAN",
        "rt": "001",
        "rw": "002",
        "no_undangan": f"SP{number:06d}",
    } | {name: str(value) for name, value in other.items()}
    return ",".join(cells[name] for name in HEADER.split(","))


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Write a list of lines under the usual header."""

    def write(lines: Sequence[str], name: str = "danom.csv", header: str = HEADER, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes("\n".join([header, *lines, ""]).encode(encoding))
        return path

    return write
