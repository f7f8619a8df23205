"""The books in a real browser, with all they can hold: a closed branch, money on its way and received, a decision, a person who owes."""

from datetime import timedelta
from uuid import UUID

import pytest

from conftest import PostOffice, make_post_office
from salur.custody import actions as custody
from salur.custody.rules import Kind
from salur.programmes.rules import Change
from salur.reconciliation import actions
from salur.reconciliation.tests.test_closing import LATER, MILLION, close, count_vault, give, make_day
from salur.web.actions import give_role
from salur.web.models import Role
from tests.browser.test_boards import complaints, words_of
from tests.browser.test_roles import LOOKS

pytestmark = pytest.mark.browser
PAGE = "/buku/SEMBAKO-2022-1/"


@pytest.fixture
def books(transactional_db: None) -> PostOffice:
    office = make_day(make_post_office())
    for username, role, code in (("pusat", Role.HEADQUARTERS, None), ("kepala", Role.BRANCH, "KC-BDW")):
        give_role(actor="tests", username=username, role=role, office_code=code, at=office.noon)
    give(office, Kind.HAND_OVER, MILLION, officer=office.officers[1], given_by="rina", taken_by="budi", hours=9)
    actions.change_window(
        change=Change.FROZEN, stage_code=office.stage_code, place="KC-BDW", closes_at=office.noon + timedelta(days=2), reason="Pembayaran selesai", document="S-13/2022",
        actor="pusat", at=office.noon + timedelta(days=2),
    )  # fmt: skip
    close(office)
    for number, vault_rp in enumerate((5_400_000, 300_000)):
        if number:  # more is found in the vault after the first sending was received
            give(
                office, Kind.HAND_BACK, vault_rp, officer=office.officers[1], given_by="budi", taken_by="rina", hours=30
            )
        count_vault(office, vault_rp, hours=20 + 20 * number)
        (sent,) = actions.send_back(stage_code=office.stage_code, place="KC-BDW", actor="rina", at=office.noon + LATER)
        if not number:
            custody.accept(movement=UUID(str(sent.movement)), actor="pusat", at=office.noon + LATER)
            actions.note_receipt(
                movement=UUID(str(sent.movement)), number="NTPN-4711", actor="pusat", at=office.noon + LATER
            )
    return office


@pytest.mark.parametrize("look", LOOKS)
def test_the_books_fit_speak_one_language_and_shut_nobody_out(books, visit, look):
    foreign, wrong = words_of("en" if look.endswith("id") else "id"), []
    for username, path in (("pusat", PAGE), ("pusat", f"{PAGE}?kantor=KC-BDW"), ("kepala", PAGE)):
        window = visit(username, **LOOKS[look])
        assert window.go(path).status == 200
        for details in window.page.locator("details:not([open]) > summary").all():
            details.click()
        lines = {line.strip() for line in window.page.inner_text("body").splitlines()}
        wrong += [f"{username} {path}: {window.overflow()} pixels too wide"] if window.overflow() else []
        wrong += [f"{username} {path}: “{line}” is in the wrong language" for line in lines & foreign]
        wrong += [f"{username} {path}: {complaint}" for complaint in [*complaints(window.page), *window.said]]
        window.context.close()
    assert not wrong, "\n".join(wrong)
