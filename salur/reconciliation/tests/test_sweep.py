"""Nobody is forgotten at the end: each unpaid family has a reason, a person who sees to it, and evidence where it is final."""

import csv
from datetime import timedelta
from uuid import UUID

import pytest

from salur.lib.problem import Conflict, NotFound, Problem
from salur.payments import actions as payments
from salur.payments.rules import Channel, Failure, Payment, Reason
from salur.reconciliation import actions, sweep
from salur.reconciliation.commands import reconciliation
from salur.reconciliation.rules import Chance, Witness


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("SALUR_OBJECT_STORE", f"file://{tmp_path}/store")


@pytest.fixture
def unpaid(office):
    """Of ten, the first five are paid; one is dead, one was twice not at home, three were not visited."""
    paid = [
        Payment(office.id(), office.entitlements[n], office.officers[0], 600_000, Channel.DOOR, office.noon)
        for n in range(5)
    ]
    later = office.noon + timedelta(hours=9)
    payments.record_payments(stage=office.stage, branch=office.branch, payments=paid, at=later)
    failed = [
        Failure(office.id(), office.entitlements[n], office.officers[0], reason, office.noon + timedelta(hours=k))
        for k, (n, reason) in enumerate(((6, Reason.ILL), (6, Reason.NOT_HOME), (5, Reason.DEAD)))
    ]
    payments.record_failures(stage=office.stage, branch=office.branch, failures=failed, at=later)
    return office


def reasons(office, place="KC-BDW"):
    return {row.reason: row.families for row in sweep.unpaid(stage_code=office.stage_code, place=place)}


def give(office, chance=Chance.DOOR, **facts):
    facts = {"place": "KC-BDW", "due": (office.noon + timedelta(days=3)).date(), "officer": "JB-2", **facts}
    return sweep.give_tasks(stage_code=office.stage_code, chance=chance, actor="rina", at=office.noon, **facts)


def confirm(office, number, reason="dead", **facts):
    facts = {"said_by": "Pak Lurah", "office": Witness.VILLAGE, "actor": "rina", "at": office.noon, **facts}
    return sweep.confirm(stage_code=office.stage_code, family=str(office.entitlements[number]), reason=reason, **facts)


def test_unpaid_families_are_counted_by_village_and_last_reason(unpaid):
    rows = sweep.unpaid(stage_code=unpaid.stage_code, place="KC-BDW")
    assert {(row.village, row.reason): (row.families, row.amount_rp) for row in rows} == {
        (3511012002, "dead"): (1, 600_000),
        (3511012002, "not_home"): (1, 600_000),
        (3511012002, "not_visited"): (3, 1_800_000),
    }
    assert reasons(unpaid, "35.11.01.2001") == {}
    with pytest.raises(NotFound):
        sweep.unpaid(stage_code=unpaid.stage_code, place="KC-SIT", branches=[unpaid.branch])


def test_tasks_go_to_who_can_still_be_paid_once_and_end_with_the_payment(unpaid):
    assert give(unpaid) == (4, 0)
    assert give(unpaid) == (0, 4)
    assert give(unpaid, officer="JB-1", reasons=["not_home"]) == (1, 0)
    listed = sweep.tasks(stage_code=unpaid.stage_code, place="KC-BDW")
    assert sorted(row.officer for row in listed) == ["JB-1", "JB-2", "JB-2", "JB-2"]
    (own,) = sweep.tasks(stage_code=unpaid.stage_code, place="KC-BDW", officer="JB-1")
    assert (own.entitlement, own.visits, own.chance) == (unpaid.entitlements[6], 2, "door")
    payment = Payment(unpaid.id(), unpaid.entitlements[6], unpaid.officers[0], 600_000, Channel.DOOR, unpaid.noon)
    payments.record_payments(stage=unpaid.stage, branch=unpaid.branch, payments=[payment], at=unpaid.noon)
    assert sweep.tasks(stage_code=unpaid.stage_code, place="KC-BDW", officer="JB-1") == []
    assert give(unpaid, Chance.CONFIRM) == (1, 0)
    with pytest.raises(NotFound):
        give(unpaid, officer="JB-9")
    with pytest.raises(Problem, match="is over"):
        give(unpaid, due=(unpaid.noon - timedelta(days=1)).date())


def test_a_final_reason_needs_the_documents_photo_and_ends_the_entitlement(unpaid, tmp_path):
    photo = tmp_path / "akta.jpg"
    photo.write_bytes(b"akta kematian")
    with pytest.raises(Problem, match="photo of the document"):
        confirm(unpaid, 7)
    with pytest.raises(Conflict, match="is paid"):
        confirm(unpaid, 0, document=photo)
    assert confirm(unpaid, 7, "moved", document=photo)
    assert not confirm(unpaid, 7, "moved", document=photo)
    assert reasons(unpaid) == {"dead": 1, "not_home": 1, "not_visited": 2, "moved": 1}
    assert confirm(unpaid, 5, "lives_here"), "the village says that she lives"
    assert reasons(unpaid) == {"not_home": 1, "not_visited": 3, "moved": 1}
    actions.close(stage_code=unpaid.stage_code, place="KC-BDW", actor="rina", at=unpaid.noon + timedelta(days=100))
    total = actions.statement(stage_code=unpaid.stage_code, place="KC-BDW", at=unpaid.noon).total
    assert (total.returned, total.final_failed) == (5, 1)
    with pytest.raises(NotFound):
        sweep.confirm(
            stage_code=unpaid.stage_code, family=str(UUID(int=2**127)), reason="lives_here", said_by="x", office=Witness.TKSK, actor="rina",
            at=unpaid.noon,
        )  # fmt: skip


def test_by_the_command_line_until_the_report_for_the_next_list(unpaid, typed, tmp_path):
    where = ["--stage", unpaid.stage_code, "--area", "KC-BDW"]
    assert typed(reconciliation, "sweep", *where).data["by_reason"] == {"dead": 1, "not_home": 1, "not_visited": 3}
    words = ["--chance", "door", "--due", "2099-01-01", "--officer", "JB-1", "--as", "rina"]
    assert typed(reconciliation, "give-tasks", *where, *words).data == {"given": 4, "kept": 0}
    assert len(typed(reconciliation, "tasks", *where).data["tasks"]) == 4
    photo = tmp_path / "akta.jpg"
    photo.write_bytes(b"akta")
    said = ["--reason", "dead", "--said-by", "Bu Tini", "--office", "tksk", "--as", "rina"]
    family = ["--stage", unpaid.stage_code, "--family", unpaid.entitlements[5]]
    assert typed(reconciliation, "confirm", *family, *said).code == 2
    assert typed(reconciliation, "confirm", *family, *said, "--document", photo).data["new"]
    out = tmp_path / "gone.csv"
    (row,) = typed(reconciliation, "gone", *where, "--out", out).data["rows"]
    assert (row["reason"], row["said_by"], row["office"], row["line"], row["visits"]) == (
        "dead",
        "Bu Tini",
        "tksk",
        6,
        1,
    )
    with out.open() as file:
        (written,) = csv.DictReader(file)
    assert (written["hak"], written["alasan"]) == (str(unpaid.entitlements[5]), "dead")
