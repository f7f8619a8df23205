"""Finding a family, and all that is known of it on one page, for those allowed."""

import io
import re
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import connection
from PIL import Image

from salur.audit import actions as audit
from salur.danom.actions import hold
from salur.lib.letter_code import code_of, hash_range, letter_code
from salur.lib.storage import object_store
from salur.monitoring.families.rules import By, Wanted, patterns, wanted
from salur.payments.actions import record_failures, record_payments
from salur.payments.rules import Channel, Failure, Payment, Reason
from salur.registry.actions import index_key, sealer
from salur.registry.rules import KK, NIK, key_of
from salur.web.actions import give_role, make_demo_users
from salur.web.models import Role

SITI, BUDI = "9935110101800001", "9935110101800002"
XSS = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


def register(office, place: int, nik: str, name: str, *, branch: int | None = None, number: str | None = None) -> UUID:
    """Give the fixture's entitlement at a place of the list a family with a NIK; answers the entitlement."""
    entitlement = office.entitlements[place] if branch is None else office.neighbours_entitlement
    branch = branch or office.branch
    family = key_of(nik, index_key())
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO registry_family (stage, branch, id, nik_sealed, kk_sealed, key_version, name, birth_date, sex, address, rt, rw)
            VALUES (%s, %s, %s, %s, %s, 1, %s, '1980-01-01', 'P', 'Dusun Krajan', '001', '002')""",
            [
                office.stage,
                branch,
                family,
                sealer(NIK, 1).seal(nik.encode()),
                sealer(KK, 1).seal(b"9935110101000009"),
                name,
            ],
        )
        cursor.execute(
            "UPDATE danom_entitlement SET family = %s, number = %s WHERE stage = %s AND branch = %s AND id = %s",
            [family, number, office.stage, branch, entitlement],
        )
    return entitlement


@pytest.fixture
def siti(office):
    return register(office, 0, SITI, "SITI AMINAH", number="SP-000123")


@pytest.fixture
def as_(office, client):
    make_demo_users(at=office.noon)

    def sign_in(username: str):
        client.force_login(User.objects.get(username=username))
        return client

    return sign_in


def text(response) -> str:
    return response.content.decode()


# What was typed


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (SITI, Wanted(By.NIK, SITI)),
        ("9935 1101 0180 0001", Wanted(By.NIK, SITI)),
        ("9935.1101-01800001", Wanted(By.NIK, SITI)),
        ("siti aminah", Wanted(By.NAME, "siti aminah")),
        ("SP-000123", Wanted(By.NUMBER, "SP-000123")),
        ("D’Arcy  %_\\ ", Wanted(By.NAME, "D’Arcy %_\\")),
        ("٣٥١١٠١٠١٨٠٠٠٠٠٠١", Wanted(By.NUMBER, "٣٥١١٠١٠١٨٠٠٠٠٠٠١")),
    ],
)
def test_what_a_person_typed_is_told_by_its_shape(typed, meant):
    assert wanted(typed) == meant


def test_a_code_is_known_however_it_is_written_and_a_wrong_one_is_none():
    for number in range(200):
        code = letter_code(UUID(int=number))
        assert wanted(code.lower()) == Wanted(By.CODE, code)
        assert code_of(f" {code[:4]}-{code[4:].replace('0', 'O').replace('1', 'l')} ") == code
        first, last = hash_range(code)
        assert first <= sha256(UUID(int=number).bytes).digest()[:5] <= last
        wrong = code[:3] + ("A" if code[3] != "A" else "B") + code[4:]
        assert code_of(wrong) == ""


def test_signs_with_a_meaning_in_patterns_are_looked_for_as_they_are():
    assert patterns(r"a%b _ \x") == [r"%a\%b%", r"%\_%", r"%\\x%"]


# Finding


@pytest.mark.parametrize("typed", [SITI, "9935 1101 0180 0001", "sp", "code", "qr", "SP-000123"])
def test_nik_code_and_number_lead_straight_to_the_family(office, as_, siti, typed):
    typed = {"code": letter_code(siti).lower(), "qr": f"D1.{siti.hex.upper()}.{letter_code(siti)}.0123456789AB"}.get(
        typed, typed
    )
    answer = as_("cabang").post("/keluarga/", {"typed": typed})
    if typed == "sp":
        assert "Tidak ada keluarga" in text(answer)
    else:
        assert answer["Location"] == f"/keluarga/{siti}/"


def test_a_name_is_found_by_parts_of_its_words_in_any_order(office, as_, siti):
    register(office, 1, BUDI, "BUDI SANTOSO")
    page = text(as_("cabang").post("/keluarga/", {"typed": "amin SIT"}))
    assert "SITI AMINAH" in page
    assert "BUDI" not in page
    assert "9935••••••••0001" in page
    assert SITI not in page


def test_a_name_needs_a_branch_where_there_are_several(office, as_, siti):
    client = as_("regional")
    asked = client.post("/keluarga/", {"typed": "siti"})
    assert "Nama dicari di satu kantor cabang" in text(asked)
    assert "SITI AMINAH" in text(client.post("/keluarga/", {"typed": "siti", "branch": office.branch}))
    assert "SITI AMINAH" not in text(client.post("/keluarga/", {"typed": "siti", "branch": office.neighbour}))


@pytest.mark.parametrize("typed", [SITI, "code", "SP-000123", "siti"])
def test_a_neighbour_finds_nothing_and_learns_nothing(office, client, siti, typed):
    typed = letter_code(siti) if typed == "code" else typed
    user = give_role(actor="cli", username="tetangga", role=Role.BRANCH, office_code="KC-SIT", at=office.noon)
    client.force_login(user)
    found, unknown = (
        client.post("/keluarga/", {"typed": typed}),
        client.post("/keluarga/", {"typed": "9935110101809999"}),
    )
    assert (found.status_code, unknown.status_code) == (200, 200)
    assert "Tidak ada keluarga" in text(found)
    assert client.post("/keluarga/", {"typed": "siti", "branch": office.branch}).status_code == 404
    assert client.get(f"/keluarga/{siti}/").status_code == 404
    assert client.get(f"/realisasi/{office.stage_code}/kantor/KC-BDW/desa/3511012001/").status_code == 404
    assert client.post(f"/keluarga/{siti}/nik/", {"reason": "long enough"}).status_code == 404


def test_a_paying_officer_and_a_stranger_look_at_no_families(office, as_, client, siti):
    for path in ("/keluarga/", f"/keluarga/{siti}/"):
        assert client.get(path)["Location"].startswith("/masuk/")
    officer = as_("jurubayar")
    for path in ("/keluarga/", f"/keluarga/{siti}/", f"/realisasi/{office.stage_code}/kantor/KC-BDW/desa/3511012001/"):
        assert officer.get(path).status_code == 404


def test_what_was_typed_is_in_no_address_and_nothing_is_kept_by_a_browser(office, as_, siti, caplog):
    client = as_("cabang")
    caplog.set_level("DEBUG")
    answer = client.post("/keluarga/", {"typed": SITI})
    assert SITI not in answer["Location"]
    assert SITI not in caplog.text
    assert client.get(f"/keluarga/?typed={BUDI}").status_code == 200, "an address with words in it is no search"
    for path in ("/keluarga/", f"/keluarga/{siti}/"):
        assert "no-store" in client.get(path)["Cache-Control"]


# One family


def pay(office, entitlement, *, at):
    return record_payments(
        stage=office.stage, branch=office.branch, at=at,
        payments=[Payment(office.id(), entitlement, office.officers[0], office.amount_rp, Channel.COMMUNITY, at)],
    )  # fmt: skip


def test_the_page_tells_everything_in_order(office, as_, siti):
    early = office.noon - timedelta(days=2)
    record_failures(
        stage=office.stage, branch=office.branch, at=early,
        failures=[Failure(office.id(), siti, office.officers[1], Reason.NOT_HOME, early)],
    )  # fmt: skip
    pay(office, siti, at=office.noon)
    page = text(as_("cabang").get(f"/keluarga/{siti}/"))
    assert "SITI AMINAH" in page
    assert "9935••••••••0001" in page
    assert "9935••••••••0009" in page
    assert letter_code(siti) in page
    assert "SP-000123" in page
    assert "Sucolor, Maesan, Kab. Bondowoso" in page
    assert SITI not in page
    assert "1 Januari 1980" not in page, "the birth date would complete the NIK"
    happened = re.findall(r"<strong>([^<]+)</strong>", page.split('id="happened"')[1].split("</section>")[0])
    assert happened == ["Terbayar", "Dikunjungi, tidak dibayar"]
    assert "tidak ada orang di rumah" in page
    assert "12.00\u00a0WIB" in page
    assert re.search(r'class="tag big-tag good">Terbayar<', page)


def test_a_hold_is_shown_with_its_reason(office, as_, siti):
    hold(stage_code=office.stage_code, word=str(siti), reason="under review", actor="kemensos", at=office.noon)
    page = text(as_("cabang").get(f"/keluarga/{siti}/"))
    assert re.search(r'class="tag big-tag bad">Ditahan<', page)
    assert page.count("under review") >= 1


def test_names_are_shown_as_they_are(office, as_):
    family = register(office, 2, "9935110101800003", XSS + "\u202eمسجد" + "S" * 200)
    client = as_("cabang")
    for page in (
        text(client.get(f"/keluarga/{family}/")),
        text(client.get(f"/realisasi/{office.stage_code}/kantor/KC-BDW/desa/3511012001/")),
        text(client.post("/keluarga/", {"typed": "<script>alert"})),
    ):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_the_nik_is_shown_once_with_a_reason_that_is_kept(office, as_, siti):
    client = as_("cabang")
    refused = client.post(f"/keluarga/{siti}/nik/", {"reason": "  so  "})
    assert refused.status_code == 400
    assert SITI not in text(refused)
    shown = client.post(f"/keluarga/{siti}/nik/", {"reason": "KTP rusak, dicocokkan dengan danom"})
    assert SITI in text(shown)
    assert "no-store" in shown["Cache-Control"]
    assert SITI not in text(client.get(f"/keluarga/{siti}/")), "once"
    with connection.cursor() as cursor:
        cursor.execute("SELECT actor, verb, branch, facts ->> 'reason' FROM audit_entry WHERE verb = 'revealed'")
        assert cursor.fetchall() == [("cabang", "revealed", office.branch, "KTP rusak, dicocokkan dengan danom")]
    assert "KTP rusak" in text(client.get(f"/keluarga/{siti}/")), "the page tells who looked"
    assert audit.verify().ok


@pytest.mark.parametrize("username", ["regional", "koordinator"])
def test_who_may_not_see_a_nik_is_not_asked_for_a_reason(office, as_, siti, username):
    client = as_(username)
    assert "/nik/" not in text(client.get(f"/keluarga/{siti}/"))
    assert client.post(f"/keluarga/{siti}/nik/", {"reason": "curiosity is enough"}).status_code == 404


# Photos and places


def geotag(office, entitlement, photo: bytes | None):
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO evidence_geotag (stage, branch, entitlement, revision, id, officer, lat_e7, lon_e7, taken_at, recorded_at, photo_sha256)
            VALUES (%s, %s, %s, 0, %s, %s, -79123456, 1138211234, %s, %s, %s)""",
            [
                office.stage,
                office.branch,
                entitlement,
                office.id(),
                office.officers[0],
                office.noon,
                office.noon,
                photo,
            ],
        )


@pytest.fixture
def photo(office, siti):
    written = io.BytesIO()
    Image.effect_noise((400, 300), 60).convert("RGB").save(written, "JPEG", comment=b"secret place")
    digest = sha256(written.getvalue()).digest()
    object_store().put(sha256=digest, content=[written.getvalue()])
    geotag(office, siti, digest)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO field_blob (sha256, bytes, device, stored_at) VALUES (%s, %s, %s, %s)",
            [digest, len(written.getvalue()), UUID(int=1), office.noon],
        )
    return digest.hex()


def test_a_photo_is_shown_to_those_of_the_branch_without_what_it_carries_along(office, as_, siti, photo):
    client = as_("cabang")
    assert f"/keluarga/{siti}/foto/{photo}/" in text(client.get(f"/keluarga/{siti}/"))
    shown = client.get(f"/keluarga/{siti}/foto/{photo}/")
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/jpeg")
    assert b"secret place" not in shown.content
    small = client.get(f"/keluarga/{siti}/foto/{photo}/?size=small")
    assert max(Image.open(io.BytesIO(small.content)).size) == 256
    other = office.entitlements[1]
    assert client.get(f"/keluarga/{other}/foto/{photo}/").status_code == 404, (
        "a photo is reached through its family only"
    )
    assert client.get(f"/keluarga/{siti}/foto/{'0' * 64}/").status_code == 404


def test_where_exactly_a_house_stands_is_for_the_branch_alone(office, as_, siti, photo):
    assert "-7.912346, 113.821123" in text(as_("cabang").get(f"/keluarga/{siti}/"))
    for username in ("regional", "kemensos", "pusat", "auditor"):
        page = text(as_(username).get(f"/keluarga/{siti}/"))
        assert "Rumah terlokasi" in page
        assert "113.82" not in page
        assert "7.91" not in page


# The last step down


def test_a_village_lists_its_families_with_their_state(office, as_, siti):
    register(office, 1, BUDI, "BUDI SANTOSO")
    pay(office, siti, at=office.noon)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO danom_batch (stage, version, name, file_name, file_sha256, state, lines, accepted, warned, quarantined,
                duplicates, amount_rp, reasons, imported_by, imported_at, approved_by, approved_at)
            VALUES (%s, 1, 'list', 'list.csv', '0', 'approved', 0, 0, 0, 0, 0, 0, '{}', 'siti', %s, 'budi', %s)""",
            [office.stage, office.noon, office.noon],
        )
    client = as_("cabang")
    village = f"/realisasi/{office.stage_code}/kantor/KC-BDW/desa/3511012001/"
    board = text(client.get(f"/realisasi/{office.stage_code}/kantor/KC-BDW/kecamatan/351101/"))
    assert f'href="{village}"' in board
    page = text(client.get(village))
    assert page.count('class="family-name"') == 5
    assert page.index("BUDI SANTOSO") < page.index("SITI AMINAH")
    paid = text(client.get(f"{village}?state=paid"))
    assert "SITI AMINAH" in paid
    assert "BUDI SANTOSO" not in paid
    assert client.get(f"/realisasi/{office.stage_code}/kantor/KC-BDW/desa/3511022001/").status_code == 404
    assert client.get(f"/realisasi/{office.stage_code}/kantor/REG-5/desa/3511012001/").status_code == 404
    officer = as_("jurubayar").get(f"/realisasi/{office.stage_code}/kantor/KC-BDW/kecamatan/351101/")
    assert "/desa/" not in text(officer)


def test_a_search_asks_the_database_little(office, as_, siti, django_assert_max_num_queries):
    client = as_("cabang")
    for typed, most in ((SITI, 7), (letter_code(siti), 7), ("siti", 7)):
        with django_assert_max_num_queries(most):
            client.post("/keluarga/", {"typed": typed})
    with django_assert_max_num_queries(12):
        client.get(f"/keluarga/{siti}/")
    with django_assert_max_num_queries(9):
        client.get(f"/realisasi/{office.stage_code}/kantor/KC-BDW/desa/3511012001/")
