"""Letters and sheets of a branch: each family's own, whole, once, and only with a plan unless asked."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection
from pypdf import PdfReader

from conftest import NOON, PostOffice
from salur.audit.models import Entry
from salur.lib.letter_code import letter_code
from salur.planning import models
from salur.planning.commands import planning
from salur.planning.papers import actions
from salur.planning.papers.commands import letters, sheets
from salur.registry.actions import sealer
from salur.registry.rules import NIK

planning.add_command(letters)
planning.add_command(sheets)

NAMES = [
    "Siti Aminah",
    "#panic() $x$ *Ahmad* ]",
    "Du’en",
    "漢字",
    "N" * 200,
    "Sumiati",
    "Buhari",
    "Rukmini",
    "Nurhayati",
    "Zainuddin",
]
FIRST_DAY = date(2022, 3, 14)


@pytest.fixture
def families(office: PostOffice) -> PostOffice:
    """The post office's ten families with names and numbers; one of them on hold."""
    seal = sealer(NIK, 1)
    with connection.cursor() as cursor:
        for number, name in enumerate(NAMES, start=1):
            cursor.execute(
                """INSERT INTO registry_family (stage, id, branch, nik_sealed, key_version, name, address, rt, rw)
                VALUES (%s, %s, %s, %s, 1, %s, %s, %s, '002')""",
                [
                    office.stage,
                    UUID(int=number),
                    office.branch,
                    seal.seal(f"99110112{number:08d}".encode()),
                    name,
                    "Dusun Krajan",
                    f"{number:03d}",
                ],
            )
        cursor.execute("UPDATE danom_entitlement SET held = true WHERE id = %s", [office.entitlements[9]])
    return office


@pytest.fixture
def planned(families: PostOffice) -> PostOffice:
    """A published plan: a session for each village on two days; the first village's last family is visited at home."""
    plan = models.Plan.objects.create(
        id=families.id(), stage_id=families.stage, branch_id=families.branch, version=1, order="online_first", first_day=FIRST_DAY, days=14,
        families=10, unmet=0, hire_leaders=0, hire_others=0, rest=[], proof={}, inputs={}, assumed={}, made_by="siti", made_at=NOON,
    )  # fmt: skip
    models.State.objects.create(id=families.id(), plan=plan, state="published", actor="budi", at=NOON)
    for number, village in enumerate(families.villages):
        models.Visit.objects.create(
            plan=plan, channel="session", number=number, day=FIRST_DAY + timedelta(days=number), span=0, host=village, size=2,
            venue="Pendopo Sucolor" if number == 0 else "",
        )  # fmt: skip
        for seat, person in enumerate(families.officers, start=1):
            models.Duty.objects.create(
                plan=plan,
                channel="session",
                number=number,
                seat=seat,
                day=FIRST_DAY,
                span=0,
                person=person,
                leads=seat == 1,
            )
    models.Visit.objects.create(plan=plan, channel="door", number=0, day=FIRST_DAY + timedelta(days=3), size=1)
    for at, entitlement in enumerate(families.entitlements):
        number = at // 5
        home = at == 4
        day = FIRST_DAY + timedelta(days=3 if home else number)
        starts_at = datetime(day.year, day.month, day.day, 1 + at % 5, 0, tzinfo=UTC)  # 8.00 WIB and on
        models.Slot.objects.create(
            stage=families.stage, branch=families.branch, entitlement=entitlement, version=1, village=families.villages[number],
            channel="door" if home else "session", number=0 if home else number, seat=1, position=at % 5 + 1, day=day,
            starts_at=starts_at, ends_at=starts_at + timedelta(hours=1),
        )  # fmt: skip
    return families


def text(path: Path) -> list[str]:
    return ["".join(page.extract_text().split()) for page in PdfReader(BytesIO(path.read_bytes())).pages]


def print_letters(typed, out: Path, *words: object):
    return typed(planning, "letters", "--branch", "KC-BDW", "--out", out, *words)


def test_each_family_gets_a_letter_of_its_own_with_day_place_and_what_it_is_owed(planned, typed, tmp_path):
    done = print_letters(typed, tmp_path)
    assert done.code == 0
    assert done.data["families"] == 9
    assert done.data["held"] == 1
    pages = text(tmp_path / "undangan" / "3511012001-sucolor.pdf")
    assert len(pages) == 5
    for at, page in enumerate(pages):
        code = letter_code(planned.entitlements[at])
        assert f"{code[:4]}-{code[4:]}" in page
        assert NAMES[at].replace(" ", "").replace("漢字", "□□") in page
        assert "Rp600.000" in page
        assert "enamratusriburupiah" in page
        assert f"9911••••••••{at + 1:04d}" in page
        assert f"99110112{at + 1:08d}" not in page
    assert "Senin,14Maret2022" in pages[0]
    assert "08.00–09.00WIB" in pages[0]
    assert "PendopoSucolor" in pages[0]
    assert "Siti" in pages[0]
    assert "DirumahAnda" in pages[4]
    assert "Balaidesa/kelurahanSumberpakem" in text(tmp_path / "undangan" / "3511012002-sumberpakem.pdf")[0]
    assert done.data["unprintable"] == ["字", "漢"]
    assert done.data["pages"] == 9 + sum(len(text(path)) for path in (tmp_path / "surat-pemangku").iterdir())


def test_the_authorities_are_written_to_with_the_days_of_their_area_and_police_is_not_told_of_visits_at_home_or_of_sums(
    planned, typed, tmp_path
):
    models.Contact.objects.create(
        id=planned.id(),
        branch_id=planned.branch,
        body="polsek",
        area=351101,
        name="Iptu Bambang",
        recorded_by="siti",
        recorded_at=NOON,
    )
    assert print_letters(typed, tmp_path, "--only", "authorities").code == 0
    files = {path.name for path in (tmp_path / "surat-pemangku").iterdir()}
    assert files == {
        "pemda-3511-kab-bondowoso.pdf", "dinsos-3511-kab-bondowoso.pdf", "camat-351101-maesan.pdf", "polsek-351101-maesan.pdf",
        "koramil-351101-maesan.pdf", "village-head-3511012001-sucolor.pdf", "village-head-3511012002-sumberpakem.pdf",
    }  # fmt: skip
    police = "".join(text(tmp_path / "surat-pemangku" / "polsek-351101-maesan.pdf"))
    assert "KapolsekMaesan" in police
    assert "IptuBambang" in police
    assert "Senin,14Maret2022" in police
    assert "Selasa,15Maret2022" in police
    assert "Kamis,17Maret2022" not in police
    assert "Rp" not in police
    assert "Kamis,17Maret2022" in "".join(text(tmp_path / "surat-pemangku" / "camat-351101-maesan.pdf"))


def test_sheets_have_a_row_for_each_family_with_count_and_sum_and_teams_know_what_they_carry(planned, typed, tmp_path):
    done = typed(planning, "sheets", "--branch", "KC-BDW", "--out", tmp_path)
    assert done.code == 0
    danom = "".join(text(tmp_path / "danom" / "3511012001-sucolor.pdf"))
    assert "Jumlah5KPM" in danom
    assert "Rp3.000.000" in danom
    assert "tigajutarupiah" in danom
    assert all(letter_code(entitlement)[:4] in danom for entitlement in planned.entitlements[:5])
    listed = "".join(text(tmp_path / "daftar-hadir" / "3511012001-sucolor.pdf"))
    assert "Undangan:4KPM" in listed, "the family that is visited at home is not waited for at the venue"
    team = "".join(text(tmp_path / "lembar-tim" / "2022-03-14.pdf"))
    assert "PendopoSucolor" in team
    assert "Rp2.400.000" in team
    assert "Rp1.200.000" in team
    assert "Siti" in team
    assert "Budi" in team


def test_without_a_published_plan_there_are_letters_only_when_asked_for_and_they_have_no_day(families, typed, tmp_path):
    refused = print_letters(typed, tmp_path)
    assert refused.code == 2
    assert "no published plan" in refused.said
    assert not list(tmp_path.rglob("*.pdf"))
    done = print_letters(typed, tmp_path, "--without-plan")
    assert (done.code, done.data["plan_version"], done.data["files"]) == (0, None, 2)
    page = text(tmp_path / "undangan" / "3511012001-sucolor.pdf")[0]
    assert "akandiberitahukan" in page
    assert "2022·" not in page


def test_a_second_run_writes_nothing_and_after_a_change_only_that_village(planned, typed, tmp_path):
    first = print_letters(typed, tmp_path, "--only", "families").data
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pdf")}
    again = print_letters(typed, tmp_path, "--only", "families").data
    assert (again["files"], again["unchanged"], again["pages"]) == (0, first["files"], first["pages"])
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pdf")}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE danom_entitlement SET amount_rp = 500000 WHERE id = %s", [planned.entitlements[7]])
    third = print_letters(typed, tmp_path, "--only", "families").data
    assert (third["files"], third["unchanged"]) == (1, 1)
    (tmp_path / "undangan" / "3511012001-sucolor.pdf").write_bytes(b"half")
    assert print_letters(typed, tmp_path, "--only", "families").data["files"] == 1


def test_a_run_that_is_cut_off_leaves_whole_files_and_goes_on_where_it_was(planned, typed, tmp_path, monkeypatch):
    real, made = actions.pdf.render, []

    def power_cut(*args, **named) -> Iterator[None]:
        if made:
            raise KeyboardInterrupt
        made.append(1)
        return real(*args, **named)

    monkeypatch.setattr(actions.pdf, "render", power_cut)
    with pytest.raises(KeyboardInterrupt):
        actions.write_papers(branch_code="KC-BDW", out=tmp_path, kinds=[actions.Kind.LETTERS], actor="siti", at=NOON)
    assert [path.name for path in tmp_path.rglob("*.pdf")] == ["3511012001-sucolor.pdf"]
    monkeypatch.undo()
    done = print_letters(typed, tmp_path, "--only", "families").data
    assert (done["files"], done["unchanged"]) == (1, 1)
    assert len(json.loads((tmp_path / actions.NOTE).read_text())) == 2


def test_one_village_of_the_branch_and_none_of_another(planned, typed, tmp_path):
    done = print_letters(typed, tmp_path, "--village", "35.11.01.2002")
    assert (done.data["files"], done.data["families"]) == (1, 4)
    other = print_letters(typed, tmp_path, "--village", "3511022001")
    assert other.code == 2
    assert "no families in the village" in other.said
    assert print_letters(typed, tmp_path, "--village", "Sucolor").code == 2
    assert typed(planning, "letters", "--branch", "KC-XXX", "--out", tmp_path).code == 2


def test_printing_leaves_a_trace(planned, typed, tmp_path):
    print_letters(typed, tmp_path, "--as", "siti")
    entry = Entry.objects.order_by("-number").first()
    assert (entry.actor, entry.verb, entry.subject) == ("siti", "printed papers", "branch/KC-BDW")
    assert entry.facts["families"] == 9


def test_a_large_village_has_several_files(planned, typed, tmp_path, monkeypatch):
    monkeypatch.setattr(actions.rules, "LETTERS_A_FILE", 2)
    print_letters(typed, tmp_path, "--only", "families")
    names = sorted(path.name for path in (tmp_path / "undangan").iterdir())
    assert names[:3] == [f"3511012001-sucolor-{n}-dari-3.pdf" for n in (1, 2, 3)]
    assert [len(text(tmp_path / "undangan" / name)) for name in names[:3]] == [2, 2, 1]
