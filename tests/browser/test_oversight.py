"""The pages of oversight in a real browser: each fits its screen, speaks one language, shuts nobody out; a family complains and is answered."""

import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from conftest import PostOffice, make_post_office
from salur.cases import actions as cases
from salur.cases.rules import Kind, NewCase
from salur.lib.clock import now
from salur.lib.letter_code import letter_code
from salur.oversight import actions
from salur.oversight.rules import About, Check, Found, Method, Said, Way
from salur.oversight.tests.test_oversight import one_house_for_all
from salur.payments import actions as payments
from salur.payments.rules import Channel, Payment
from salur.web.actions import give_role
from salur.web.models import Role
from tests.browser.test_boards import complaints, words_of
from tests.browser.test_roles import LOOKS

pytestmark = pytest.mark.browser


@dataclass
class Watched:
    office: PostOffice
    sample: object
    visit: object
    complaint: object
    case: object


@pytest.fixture
def watched(transactional_db: None) -> Watched:
    """A branch whose officers were looked at, with a sample half answered, a visit and a complaint."""
    office, at = make_post_office(), now()
    office.payments = [
        Payment(office.id(), family, office.officers[n % 2], office.amount_rp, Channel.DOOR, office.noon - timedelta(minutes=n))
        for n, family in enumerate(office.entitlements)
    ]  # fmt: skip
    payments.record_payments(stage=office.stage, branch=office.branch, payments=office.payments, at=office.noon)
    one_house_for_all(office)
    for username, role, code in (("satuan", Role.HEADQUARTERS, None), ("kepala", Role.BRANCH, "KC-BDW")):
        give_role(actor="tests", username=username, role=role, office_code=code, at=office.noon)
    actions.look_at(stage_code=office.stage_code, branch=office.branch, actor="spi", at=at)
    drawn = actions.draw_sample(
        stage_code=office.stage_code, branch=office.branch, method=Method.VISIT, size=10, actor="spi", at=at
    )
    for number, said in ((1, Said.AS_BOOKED), (2, Said.NOT_PAID)):
        actions.answer(sample=drawn.id, number=number, said=said, actor="spi", at=at)
    visited = actions.record_visit(
        stage_code=office.stage_code, branch=office.branch, village=office.villages[0], found=dict.fromkeys(Check, Found.YES),
        note="Antrean tertib.", actor="spi", at=at,
    )  # fmt: skip
    made, _ = actions.receive_complaint(
        branch=office.branch, way=Way.PHONE, about=About.CUT_TAKEN, text="Uang kurang lima puluh ribu.", actor="kepala", at=at,
        contact="0812 0000 0000", stage_code=office.stage_code,
    )  # fmt: skip
    twice = NewCase(
        Kind.DOUBLE_PAYMENT, "event/1", office.branch, office.stage, office.amount_rp, "officer 1",
        {"entitlement": office.entitlements[0], "happened_at": office.noon},
    )  # fmt: skip
    (case,) = cases.open_cases(cases=[twice], actor="salur", at=at)
    return Watched(office, drawn.id, visited, made, case.id)


def pages(watched: Watched) -> dict[str, tuple[str, str]]:
    base, inbox = f"/pengawasan/{watched.office.stage_code}/", "/pengawasan/pengaduan/"
    return {
        "signals": ("satuan", base),
        "officer": ("satuan", f"{base}juru-bayar/{watched.office.officers[1]}/"),
        "samples": ("satuan", f"{base}sampel/"),
        "sample": ("kepala", f"{base}sampel/{watched.sample}/"),
        "visits": ("satuan", f"{base}kunjungan/"),
        "new visit": ("satuan", f"{base}kunjungan/baru/"),
        "visit": ("satuan", f"{base}kunjungan/{watched.visit}/"),
        "complaints": ("kepala", inbox),
        "new complaint": ("kepala", f"{inbox}baru/"),
        "complaint": ("kepala", f"{inbox}{watched.complaint}/"),
        "cases": ("kepala", "/kasus/"),
        "case": ("kepala", f"/kasus/{watched.case}/"),
        "complain": ("", "/pengaduan/"),
        "answer": ("", "/pengaduan/jawaban/"),
    }


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_fits_its_screen_speaks_one_language_and_shuts_nobody_out(watched, visit, look):
    foreign = words_of("id" if LOOKS[look].get("language") == "en" else "en")
    wrong = []
    for name, (username, path) in pages(watched).items():
        window = visit(username, **LOOKS[look])
        answer = window.go(path)
        lines = {line.strip() for line in window.page.inner_text("body").splitlines()}
        wrong += [f"{name}: status {answer.status}"] if answer.status != 200 else []
        wrong += [f"{name}: {window.overflow()} pixels too wide"] if window.overflow() else []
        wrong += [f"{name}: “{line}” is in the wrong language" for line in lines & foreign]
        wrong += [f"{name}: {complaint}" for complaint in complaints(window.page)]
        wrong += [f"{name}: {said}" for said in window.said]
        window.context.close()
    assert wrong == []


def test_a_family_complains_on_its_phone_and_reads_the_answer_with_the_number(watched, visit):
    window = visit("", phone=True, language="en")
    page = window.page
    window.go("/pengaduan/")
    page.fill("[name=kode]", letter_code(watched.office.entitlements[0]))
    page.select_option("[name=about]", "less")
    page.fill("[name=text]", "I was given less than the letter says.")
    page.locator("form:has([name=text]) button").click()
    ticket = re.search(r"\b[0-9A-Z]{5}-[0-9A-Z]{5}\b", page.inner_text("main"))
    assert ticket, page.inner_text("main")
    office = visit("kepala", language="en")
    office.go("/pengawasan/pengaduan/")
    expect(office.page.get_by_text(ticket[0])).to_be_visible()
    assert window.said == office.said == []
