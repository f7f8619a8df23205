"""Papers: what is printed is the data and nothing but the data."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
import typst
from pypdf import PdfReader

from salur.lib import pdf
from salur.lib.clock import WITA
from salur.lib.pdf import plain, printable, render

AS_OF = datetime(2022, 3, 26, 7, 5, tzinfo=UTC)
TEMPLATE = """#import "/lib/papers/style.typ": *
#show: paper
#letterhead((name: "Kantor Cabang Bondowoso"))
#facts(data.facts.map(it => (it.label, it.value)))
#list-of(
  ((title: "No", kind: "number"), (title: "Nama"), (title: "Jumlah", kind: "rupiah")),
  data.rows,
  total: ("", "Jumlah", data.sum),
)
#signatures(((role: "Juru bayar", name: data.name), (role: "Saksi")))
"""


@pytest.fixture
def template(request):
    """A template in the package, as every template is; gone after the test."""
    path = pdf.PACKAGE / "lib" / "papers" / f"_{request.node.name[:40].replace('[', '_')}.typ"
    path.write_text(TEMPLATE)
    yield path
    path.unlink()


def print_name(template: Path, name: str, **other):
    data = {"name": name, "facts": [{"label": "Nama", "value": name}], "rows": [[1, name, 600_000]], "sum": 1_234_567}
    return render(template, data | other, title="Berita Acara Uji", as_of=AS_OF)


def words(paper) -> str:
    return "".join("".join(page.extract_text() for page in PdfReader(BytesIO(paper.content)).pages).split())


def test_it_is_a_pdf_to_be_kept_with_title_page_numbers_moment_and_digest(template):
    paper = print_name(template, "Siti Aminah")
    reader = PdfReader(BytesIO(paper.content))
    assert b"<pdfaid:part>2</pdfaid:part>" in paper.content
    assert b"<pdfaid:conformance>B</pdfaid:conformance>" in paper.content
    assert reader.metadata.title == "Berita Acara Uji"
    assert all(font.get("/FontFile3") or font.get("/FontFile2") for font in fonts(reader))
    text = words(paper)
    assert "Halaman1dari1" in text
    assert "dataper26Maret202214.05WIB" in text
    assert paper.digest[:16] in text
    assert paper.pages == len(reader.pages) == 1


def fonts(reader: PdfReader):
    for at in range(1, len(reader.xref[0]) + 1):
        found = reader.get_object(at)
        if isinstance(found, dict) and found.get("/Type") == "/FontDescriptor":
            yield found


@pytest.mark.parametrize(
    "name",
    [
        "#panic() Siti",
        "#sys.inputs",
        "$x^2$ Ahmad",
        "*tebal* _miring_ `kode`",
        "] Wati [",
        '"); #read("/etc/passwd"',
        "\\ \\u{41} <label> @ref // bukan komentar /* juga bukan */",
        "Du’en D'Artagnan O‘Brien",
        "Ñandú Ḥāṣim Đ Ł",
        "= Judul",
        "- butir",
        "</svg><script>alert(1)</script>",
    ],
)
def test_a_name_is_printed_as_it_is_and_never_run(template, name):
    assert words(print_name(template, name)).count("".join(name.split())) == 3


def test_a_name_of_two_hundred_letters_stays_on_the_page(template):
    """One long word is broken where it must be; nothing is cut off and nothing runs over the margin."""
    paper = print_name(template, "N" * 200)
    assert words(paper).count("N" * 200) >= 2
    page = PdfReader(BytesIO(paper.content)).pages[0]
    places: list[float] = []
    page.extract_text(
        visitor_text=lambda text, cm, tm, font, size: places.append(tm[4] + cm[4]) if text.strip() else None
    )
    assert max(places) < float(page.mediabox.width) - 40


def test_what_no_font_can_print_is_a_box_and_is_reported_and_the_paper_comes_out(template):
    paper = print_name(template, "漢字 😀 Budi\u202e\u0000\u200b")
    assert paper.unprintable == {"漢", "字", "😀"}
    assert "□□□Budi" in words(paper)


def test_signs_that_turn_or_hide_text_are_taken_out_and_letters_are_composed():
    assert printable(plain("a\u202eb\ufeffc\td\x07")) == ("abc d", frozenset())
    assert printable("Jose\u0301") == ("José", frozenset())


def test_the_same_data_give_the_same_bytes_and_other_data_another_digest(template):
    first, again, other = print_name(template, "Siti"), print_name(template, "Siti"), print_name(template, "Sitti")
    assert first == again
    assert first.digest != other.digest
    assert re.fullmatch(r"[0-9a-f]{64}", first.digest)


def test_numbers_and_moments_are_written_as_in_indonesia(template):
    text = words(print_name(template, "Siti", sum=-60_000_000_000))
    assert "−Rp60.000.000.000" in text
    assert "Rp600.000" in text
    values = {
        "day": date(2022, 3, 1),
        "at": AS_OF,
        "share": Decimal("99.50"),
        "id": UUID(int=1),
        "n": 5,
        "list": (True, None),
    }
    assert plain(values, WITA) == {
        "day": "1 Maret 2022", "at": "26 Maret 2022 15.05\u00a0WITA", "share": "99,50",
        "id": "00000000-0000-0000-0000-000000000001", "n": 5, "list": [True, None],
    }  # fmt: skip


def test_a_float_is_refused_because_money_is_whole_rupiah():
    with pytest.raises(TypeError, match="float cannot stand on a paper"):
        plain({"amount": 0.5})


def test_a_draft_says_so_on_every_page(template):
    data = {"name": "Siti", "facts": [], "rows": [[n, "Desa", n] for n in range(100)], "sum": 1}
    paper = render(template, data, title="Uji", as_of=AS_OF, draft=True)
    pages = PdfReader(BytesIO(paper.content)).pages
    assert len(pages) == paper.pages > 1
    assert all("DRAF" in page.extract_text() for page in pages)


def test_a_template_that_asks_for_what_is_not_there_is_a_bug(template):
    with pytest.raises(typst.TypstError):
        render(template, {"facts": []}, title="Uji", as_of=AS_OF)
