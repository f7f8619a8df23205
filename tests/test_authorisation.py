"""Who may what: every address of the house × every role × own office, neighbour, parent and another region, by one table.

The table is asked of the URLconf: an address without a line fails, and so does a line without an address. A person gets one of four answers:
*yes* (the page, or a judgement of what was typed), *sign in*, *only read* (403: the thing is known to exist for them, but they do not act),
*nothing* (404: for them there is no such thing). The table says who gets yes and who may only read; everybody else gets nothing, and a stranger
is asked to sign in.
"""

import json
import re
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import get_resolver

from salur.cases import actions as cases
from salur.cases.rules import Decision, Kind
from salur.field import lease
from salur.field.phone import new_key, public_key_of
from salur.jobs.models import Job
from salur.lib.clock import now
from salur.lib.ids import uuid7
from salur.lib.process_cache import cache
from salur.monitoring.tests.test_board import approve
from salur.offices.models import Office
from salur.oversight import actions as oversight
from salur.oversight.rules import About, Check, Found, Method, Way
from salur.payments import actions as payments
from salur.payments.rules import Channel, Payment
from salur.web.actions import give_role
from salur.web.models import Role

# Who asks. Large: at the branch of the things asked for (Bondowoso), or above it; small: the same role elsewhere.
PERSONS: dict[str, tuple[Role, str | None]] = {
    "m": (Role.MINISTRY, None),
    "h": (Role.HEADQUARTERS, None),
    "a": (Role.AUDITOR, None),
    "R": (Role.REGION, "REG-5"),
    "r": (Role.REGION, "REG-4"),
    "B": (Role.BRANCH, "KC-BDW"),
    "b": (Role.BRANCH, "KC-SIT"),
    "C": (Role.COORDINATOR, "KC-BDW"),
    "c": (Role.COORDINATOR, "KC-SIT"),
    "O": (Role.OFFICER, "KC-BDW"),
    "o": (Role.OFFICER, "KC-SIT"),
}
NOBODY, STRANGER = "n", "x"  # signed in without a role; not signed in
EVERYBODY = "".join(PERSONS)
ALL = EVERYBODY + NOBODY + STRANGER
SIGNED_IN = EVERYBODY + NOBODY


@dataclass(frozen=True)
class May:
    """Who gets *yes* by GET and by POST; who *only reads* there. None: the address does not know the method.

    ``hidden``: not even a stranger is told that there is something to sign in for.
    """

    get: str | None = None
    post: str | None = None
    reads: str = ""
    get_reads: str = ""
    hidden: bool = False

    def expected(self, method: str, person: str) -> str:
        yes, reads = (self.get, self.get_reads) if method == "GET" else (self.post, self.reads)
        if yes is None:
            return "no such method"
        if person in yes:
            return "yes"
        if person in reads:
            return "only read"
        return "sign in" if person == STRANGER and not self.hidden else "nothing"


# Public, or for phones, which bring a key of their own: the session changes nothing, everybody gets what a stranger gets.
ANYBODY = None
# For programs: who has no role is asked to sign in as a stranger is.
API = "api/v1/"


# Where nobody gets yes, there is no such thing in this small office (a plan, a signal, a photo); who may look at one is in the folder's own tests.
TABLE: dict[str, May | None] = {
    "api/v1/sync/events": ANYBODY,
    "api/v1/sync/sealed": ANYBODY,
    "api/v1/devices/enrol": ANYBODY,
    "api/v1/lease": ANYBODY,
    "api/v1/lease/delta": ANYBODY,
    "api/v1/blobs/missing": ANYBODY,
    "api/v1/^blobs/(?P<sha256>[0-9a-f]{64})$": ANYBODY,
    "api/v1/openapi.json": ANYBODY,
    "api/v1/stages/<stage>/realisation": May(get="mhaRrBbCcOo"),
    "api/v1/cases": May(get="mhaRrBbCcOo"),
    "api/v1/cases/<uuidstr:case>": May(get="mhaRBCO"),
    "api/v1/cases/<uuidstr:case>/assign": May(post="hRBC", reads="maO"),
    "api/v1/cases/<uuidstr:case>/decide": May(post="hRBC", reads="maO"),
    "api/v1/cases/<uuidstr:case>/reopen": May(post="hRBC", reads="maO"),
    "api/v1/cases/<uuidstr:case>/note": May(post="hRBC", reads="maO"),
    "api/v1/people": May(get="mhaRrBbCc", post="hRB", reads="mrbCc"),
    "api/v1/people/<int:user>/end": May(post="hRBC"),
    "api/v1/": ANYBODY,
    "uji": ANYBODY,
    "uji/": ANYBODY,
    "lapangan": ANYBODY,
    "lapangan/": ANYBODY,
    "lapangan/<path:name>": ANYBODY,
    "hp/": May(get="mhaRrBbCc"),
    "hp/daftar/": May(post="BC", reads="mhaRr"),
    "hp/berkas/": May(post="BbCc", reads="mhaRr"),
    "hp/rencana/<str:stage>/": May(get="mhaRBC", post="", reads="mhaR"),
    "hp/<uuid:id>/": May(get="mhaRBC"),
    "hp/<uuid:id>/danom/": May(post="BC", reads="mhaRr"),
    "hp/<uuid:id>/danom/<uuid:work_list>/akhiri/": May(post="BC", reads="mhaRr"),
    "hp/<uuid:id>/panjar/": May(post="BC", reads="mhaRr"),
    "hp/<uuid:id>/cabut/": May(post="BC", reads="mhaRr"),
    "rencana/<str:stage>/": May(get="mhaRBC"),
    "rencana/<str:stage>/semua/": May(post="h", reads="maRrBbCc", hidden=True),
    "rencana/<str:stage>/susun/": May(post="hB", reads="maRC", hidden=True),
    "rencana/<str:stage>/terbit/": May(post="", reads="maRC", hidden=True),
    "rencana/<str:stage>/pindah/": May(post="", reads="maRC", hidden=True),
    "rencana/<str:stage>/andai/": May(get=""),
    "rencana/<str:stage>/hari/": May(get=""),
    "rencana/<str:stage>/kesiapan/": May(get="mhaRBC"),
    "rencana/<str:stage>/kesiapan/langkah/": May(post="", reads="maR", hidden=True),
    "rencana/<str:stage>/kesiapan/kontak/": May(post="", reads="maR", hidden=True),
    "rencana/<str:stage>/hari/panjar/": May(post="", reads="maRC", hidden=True),
    "rencana/<str:stage>/petugas/": May(get=""),
    "rencana/<str:stage>/orang/": May(post="", reads="maRC", hidden=True),
    "buku/<str:stage>/": May(get="mhaRBC"),
    "buku/<str:stage>/surat/": May(post="", reads="maR", hidden=True),
    "buku/<str:stage>/tutup/": May(post="hB", reads="maRC", hidden=True),
    "buku/<str:stage>/kembali/": May(post="hB", reads="maRC", hidden=True),
    "buku/<str:stage>/terima/": May(post="", reads="maRBC", hidden=True),
    "buku/<str:stage>/batas/": May(post="", reads="aRBC", hidden=True),
    "surat/<str:stage>/": May(get="mhaRBC"),
    "surat/<str:stage>/desa/": May(post="", reads="maR", hidden=True),
    "surat/<str:stage>/cabang/": May(post="", reads="maR", hidden=True),
    "prakiraan/<str:stage>/": May(get="mhaRrBbCc"),
    "kasus/": May(get="mhaRrBbCc"),
    "kasus/<uuid:case>/": May(get="mhaRBC"),
    "kasus/<uuid:case>/langkah/": May(post="hRBC", reads="ma"),
    "pengaduan/": ANYBODY,
    "pengaduan/jawaban/": ANYBODY,
    "pengawasan/pengaduan/": May(get="mhaRrBb"),
    "pengawasan/pengaduan/baru/": May(get="hRrBb", get_reads="ma", post="hRrBb", reads="ma"),
    "pengawasan/pengaduan/<uuid:complaint>/": May(get="mhaRB"),
    "pengawasan/pengaduan/<uuid:complaint>/langkah/": May(post="hRB", reads="ma"),
    "pengawasan/kunjungan/<uuid:visit>/foto/<str:sha256>/": May(get=""),
    "pengawasan/<str:stage>/": May(get="mhaRrBb"),
    "pengawasan/<str:stage>/lihat/": May(post="hRrBb", reads="ma"),
    "pengawasan/<str:stage>/juru-bayar/<int:officer>/": May(get=""),
    "pengawasan/<str:stage>/juru-bayar/<int:officer>/putusan/": May(post="", reads="ma"),
    "pengawasan/<str:stage>/sampel/": May(get="mhaRrBb"),
    "pengawasan/<str:stage>/sampel/ambil/": May(post="hR", reads="maBb"),
    "pengawasan/<str:stage>/sampel/<uuid:sample>/": May(get="mhaRB"),
    "pengawasan/<str:stage>/sampel/<uuid:sample>/<int:number>/": May(post="hRB", reads="ma"),
    "pengawasan/<str:stage>/kunjungan/": May(get="mhaRrBb"),
    "pengawasan/<str:stage>/kunjungan/baru/": May(get="hRrBb", get_reads="ma", post="hRrBb", reads="ma"),
    "pengawasan/<str:stage>/kunjungan/<uuid:visit>/": May(get="mhaRB"),
    "keluarga/": May(get="mhaRrBbCc", post="mhaRrBbCc"),
    "keluarga/<uuid:entitlement>/": May(get="mhaRBC"),
    "keluarga/<uuid:entitlement>/nik/": May(post="mhaB"),
    "^keluarga/(?P<entitlement>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})/foto/(?P<sha256>[0-9a-f]{64})/$": May(
        get=""
    ),
    "^realisasi/(?P<stage>[^/]+)/kantor/(?P<office>.+)/desa/(?P<village>[0-9]{10})/$": May(get="mhaRBC"),
    "": May(get="mhaRrBbCcOon"),
    "cek/": ANYBODY,
    "cek": ANYBODY,
    "health/": ANYBODY,
    "metrics": ANYBODY,
    "masuk/": ANYBODY,
    "keluar/": ANYBODY,
    "masuk/ulang/": May(get="n", get_reads="mhaRrBbCcOo", post="n", reads="mhaRrBbCcOo"),
    "masuk/faktor/webauthn/keys/<int:pk>/remove/": May(get="", post=""),
    "masuk/faktor/": May(get="mhaRrBbCcOon"),
    "masuk/faktor/authenticate/": ANYBODY,
    "masuk/faktor/reauthenticate/": May(get="n", get_reads="mhaRrBbCcOo", post="n", reads="mhaRrBbCcOo"),
    "masuk/faktor/totp/activate/": May(get="mhaRrBbCcOon", post="mhaRrBbCcOon"),
    "masuk/faktor/totp/deactivate/": May(get="", post=""),
    "masuk/faktor/recovery-codes/": May(get=""),
    "masuk/faktor/recovery-codes/generate/": May(get="mhaRrBbCcOon", post="mhaRrBbCcOon"),
    "masuk/faktor/recovery-codes/download/": May(get="", post=""),
    "masuk/faktor/webauthn/": May(get="mhaRrBbCcOon"),
    "masuk/faktor/webauthn/add/": May(get="mhaRrBbCcOon", post="mhaRrBbCcOon"),
    "masuk/faktor/webauthn/reauthenticate/": May(get="n", get_reads="mhaRrBbCcOo", post="n", reads="mhaRrBbCcOo"),
    "masuk/faktor/webauthn/keys/<int:pk>/edit/": May(get="", post=""),
    "masuk/faktor/webauthn/login/": ANYBODY,
    "masuk/organisasi/oidc/^(?P<provider_id>[^/]+)/login/": ANYBODY,
    "masuk/organisasi/oidc/^(?P<provider_id>[^/]+)/login/callback/": ANYBODY,
    "masuk/organisasi/dibatalkan/": ANYBODY,
    "masuk/organisasi/gagal/": ANYBODY,
    "masuk/organisasi/tidak-dikenal/": ANYBODY,
    "undangan/<str:token>/": ANYBODY,
    "orang/": May(get="mhaRrBbCc"),
    "orang/undang/": May(get="mhRrBbCc", post="hRB", reads="mrbCc"),
    "orang/<int:user>/akhiri/": May(get="hRBC", post="hRBC"),
    "bahasa/": ANYBODY,
    "pekerjaan/": May(get="mhaRrBbCcOo", hidden=True),
    "pekerjaan/<uuid:job>/": May(get="B", hidden=True),
    "pekerjaan/<uuid:job>/berkas": ANYBODY,
    "realisasi/<str:stage>/": May(get="mhaRrBbCcOo"),
    "^realisasi/(?P<stage>[^/]+)/kantor/(?P<office>.+)/kecamatan/(?P<area>[0-9]{6})/$": May(get="mhaRBCO"),
    "realisasi/<str:stage>/kantor/<path:office>/": May(get="mhaRBCO"),
    r"^realisasi/(?P<stage>[^/]+)/wilayah/(?P<area>[0-9]{4}|[0-9]{6})/$": May(get="mhaRBCO"),
    "ekspor/<str:stage>/": May(get="mhaRrBbCcOo", post="mhaRBC"),  # with a village: its families
    "dinding/<str:stage>/": May(get="mhaRrBbCcOo"),
    "dinding/<str:stage>/kantor/<path:office>/": May(get="mhaRBCO"),
    "evaluasi/<str:stage>/": May(get="mhaRBb"),
    "evaluasi/<str:stage>/<str:region>/": May(get="mhaRBb"),
    "evaluasi/<str:stage>/<str:region>/catatan/": May(post="Bb"),
    "evaluasi/<str:stage>/<str:region>/evaluasi.pdf": May(get="mhaRBb"),
}


@pytest.fixture
def things(office: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """One of each thing at Bondowoso, by the words that stand for it in addresses."""
    monkeypatch.setenv("SALUR_OBJECT_STORE", str(tmp_path / "store"))
    cache.clear()
    at = now()
    approve(office, 1, office.noon - timedelta(days=10))
    Office.objects.create(
        code="REG-4", name="Regional IV", kind="REGION", parent=Office.objects.get(code="HQ"), timezone="Asia/Jakarta"
    )
    made = [
        Payment(office.id(), entitlement, office.officers[n % 2], office.amount_rp, Channel.DOOR, office.noon - timedelta(minutes=n))
        for n, entitlement in enumerate(office.entitlements[:6])
    ]  # fmt: skip
    payments.record_payments(stage=office.stage, branch=office.branch, payments=made, at=office.noon)
    token = lease.offer_enrolment(officer=office.officers[0], actor="tests", at=at)
    device = lease.enrol_device(
        token=token, public_key=public_key_of(new_key()), self_test={}, persisted=True, app="1", at=at
    ).device
    work_list = lease.issue_lease(
        device=device, stage=office.stage, entitlements=office.entitlements[6:8], day=at.date(), expires_at=at + timedelta(hours=5),
        actor="tests", at=at,
    )  # fmt: skip
    case = cases.open_case(kind=Kind.DOUBLE_PAYMENT, subject="x", branch=office.branch, actor="tests", at=at)
    sample = oversight.draw_sample(
        stage_code=office.stage_code, branch=office.branch, method=Method.CALL, size=3, actor="spi", at=office.noon
    )
    complaint, _ = oversight.receive_complaint(
        branch=office.branch, way=Way.PHONE, about=About.LESS, text="Uangnya kurang.", contact="-", actor="loket", at=at
    )
    visit = oversight.record_visit(
        stage_code=office.stage_code, branch=office.branch, village=office.villages[0], found=dict.fromkeys(Check, Found.YES),
        actor="spi", at=at,
    )  # fmt: skip
    member = give_role(actor="tests", username="hire", role=Role.OFFICER, office_code="KC-BDW", at=at)
    job = uuid7(at)
    Job.objects.create(id=job, kind="tests.nothing", title="Surat", arguments={}, asked_by="p-B-branch", asked_at=at)
    return {
        "branch": office.branch, "stage": office.stage_code, "office": "KC-BDW", "region": "REG-5", "area": "351101", "village": "3511012001",
        "entitlement": office.entitlements[0], "device": device, "work_list": work_list.id, "case": case.id, "officer": office.officers[0],
        "sample": sample.id, "complaint": complaint, "visit": visit, "token": "x" * 43, "user": member.pk, "id": device, "name": "pay.js", "provider_id": "none", "pk": 0, "number": 1, "job": job, "sha256": "0" * 64,
    }  # fmt: skip


def routes() -> Iterator[str]:
    """Every pattern of the URLconf, written as one."""

    def walk(patterns: Any, above: str) -> Iterator[str]:
        for each in patterns:
            route = above + str(each.pattern)
            if hasattr(each, "url_patterns"):
                yield from walk(each.url_patterns, route)
            else:
                yield route

    return walk(get_resolver().url_patterns, "")


WORD = re.compile(r"<(?:[a-z]+:)?([a-z_0-9]+)>|\(\?P<([a-z_0-9]+)>(?:[^()]|\([^()]*\))*\)")


def address(route: str, things: dict[str, Any]) -> str:
    """The address of a thing at Bondowoso. A word of the route that no thing stands for fails: name it in ``things``."""
    filled = WORD.sub(lambda word: str(things[word[1] or word[2]]), route)
    return "/" + filled.replace("^", "").replace("$", "")


def typed(things: dict[str, Any], *, api: str) -> dict[str, Any]:
    """What is typed into every form and sent to every verb: about Bondowoso, so that a neighbour who is let through is found out."""
    if api:
        return {
            "role": "coordinator", "office": things["branch"] if api == "cases" else "KC-BDW", "reason": "x", "decision": Decision.EXPLAINED,
            "text": "x", "username": "new",
        }  # fmt: skip
    return {
        "kantor": "KC-BDW", "branch": things["branch"], "officer": things["officer"], "village": things["village"], "said": "as_booked",
        "act": "contact", "method": "call", "size": "1", "kind": "letters", "reason": "x",
        "role": "coordinator", "office": "KC-BDW", "username": "new",
    }  # fmt: skip


def answered(client: Client, method: str, at: str, things: dict[str, Any]) -> str:
    """One of: yes, sign in, only read, nothing, no such method; or what should never be. Whatever was done is undone."""
    kept, api = copy(client.cookies), at.startswith("/api/")
    with transaction.atomic():
        if method == "GET":
            answer = client.get(at, {"kantor": "KC-BDW"})
        elif api:
            words = typed(things, api="cases" if "/cases" in at else "people")
            answer = client.post(at, data=json.dumps(words, default=str), content_type="application/json")
        else:
            answer = client.post(at, typed(things, api=""))
        transaction.set_rollback(True)
    client.cookies = kept
    status = answer.status_code
    if status == 401 or (status == 302 and answer["Location"].startswith("/masuk/?next=")):
        return "sign in"
    if status in (200, 201, 204, 302, 303, 304, 400, 409, 410, 413, 415, 422, 429):
        return "yes"
    return {403: "only read", 404: "nothing", 405: "no such method"}.get(status, f"broke with {status}")


def test_every_address_has_its_line_and_every_line_its_address() -> None:
    assert set(routes()) == set(TABLE)


@pytest.fixture
def clients(things: Any) -> dict[str, Client]:
    found = {STRANGER: Client(raise_request_exception=False)}
    for name, (role, code) in PERSONS.items():
        found[name] = Client(raise_request_exception=False)
        found[name].force_login(
            give_role(actor="tests", username=f"p-{name}-{role}", role=role, office_code=code, at=now())
        )
    found[NOBODY] = Client(raise_request_exception=False)
    found[NOBODY].force_login(User.objects.create(username="p-n"))
    return found


def test_everybody_gets_what_the_table_says_and_nothing_else(
    things: dict[str, Any], clients: dict[str, Client]
) -> None:
    wrong = []
    for route, may in TABLE.items():
        at = address(route, things)
        for method in ("GET", "POST"):
            given = {name: answered(client, method, at, things) for name, client in clients.items()}
            for name, got in given.items():
                if may is None:
                    expected = given[STRANGER]
                else:
                    unknown = route.startswith(API) and name == NOBODY
                    expected = may.expected(method, STRANGER if unknown else name)
                    if name == STRANGER and expected == "no such method" and got == "sign in":
                        continue  # asked who they are before what they want
                if got != expected or got.startswith("broke"):
                    wrong.append(f"{method} {at}: {name} gets “{got}”, not “{expected}”")
    assert not wrong, "\n".join(wrong)


def test_no_neighbour_and_no_other_region_gets_anything_of_bondowoso() -> None:
    """The table itself: where the address names a thing of one branch, the small letters never stand in it."""
    for route, may in TABLE.items():
        of_one = re.search(
            r"<[^>]*(device|id|work_list|case|entitlement|complaint|visit|sample|user|office|officer)>", route
        )
        if may is not None and of_one:
            assert not set("rbco") & set((may.get or "") + (may.post or "")), route
