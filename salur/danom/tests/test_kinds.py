"""Supplements that mend, corrections, withdrawals, holds, pairs to judge, and reasons that weigh otherwise."""

import csv

import pytest
from django.db import connection

from salur.audit.actions import entries
from salur.danom.actions import recount
from salur.danom.commands import danom
from salur.danom.tests.conftest import BY_ONE, OTHER, family
from salur.payments.actions import record_payments
from salur.payments.rules import Channel, Outcome, Payment
from salur.programmes.actions import stage_by_code
from salur.registry.actions import family_of_nik


def nik_of(number: int) -> str:
    return family(number).split(",")[0]


@pytest.fixture
def listed(typed, stage, written):
    """Import and approve lines as a batch; gives the import's answer."""

    def enter(lines, *more, name="danom.csv", header=None):
        path = written(lines, name=name, **({"header": header} if header else {}))
        answer = typed(danom, "import", path, "--stage", stage, *more)
        assert answer.code in (0, 1), answer.said
        approved = typed(danom, "approve", answer.data["batch"], "--as", "checker")
        assert approved.code == 0, approved.said
        return approved.data | {"reasons": approved.data["reasons"]}

    return enter


def entitlement(stage, number):
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT e.branch, e.id, e.village, e.amount_rp, e.version, e.held FROM danom_entitlement AS e WHERE e.stage = %s AND e.family = %s""",
            [stage_by_code(stage).id, family_of_nik(nik_of(number))],
        )
        (row,) = cursor.fetchall()
    return row


def allocated(typed, stage, *more):
    return {row["code"]: (row["allocated"], row["amount_rp"]) for row in
            typed(danom, "allocation", "--stage", stage, "--by", "village", *more).data["rows"]}  # fmt: skip


def pay(office, stage, number):
    branch, id, _, amount_rp, _, _ = entitlement(stage, number)
    payment = Payment(office.id(), id, office.officers[0], amount_rp, Channel.COMMUNITY, office.noon)
    return record_payments(stage=stage_by_code(stage).id, branch=branch, payments=[payment], at=office.noon)[0]


def test_a_quarantine_file_that_was_mended_moves_only_its_lines(typed, stage, listed, written, tmp_path):
    out = tmp_path / "mend.csv"
    first = listed([family(1), family(2, nominal="enam"), family(3, nama=""), family(4)], "--quarantine", out)
    assert (first["accepted"], first["quarantined"]) == (2, 2)
    before = entitlement(stage, 1)
    with out.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    rows[0]["nominal"] = "600000"
    mended = tmp_path / "mended.csv"
    with mended.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    answer = typed(danom, "import", mended, "--stage", stage)
    assert (answer.data["kind"], answer.data["accepted"], answer.data["reasons"]) == (
        "supplement",
        1,
        {"name_missing": 1},
    )
    waiting = {row["batch"]: row["to_mend"] for row in typed(danom, "batches").data["batches"]}
    assert waiting[first["batch"]] == 2, "an import alone settles nothing"
    assert typed(danom, "approve", answer.data["batch"], "--as", "checker").code == 0
    waiting = {row["batch"]: row["to_mend"] for row in typed(danom, "batches").data["batches"]}
    assert (waiting[first["batch"]], waiting[answer.data["batch"]]) == (1, 1)
    assert entitlement(stage, 1) == before
    assert entitlement(stage, 2)[4] == 2
    assert typed(danom, "quarantine", first["batch"], "--out", out).data["lines"] == 1


def test_a_correction_changes_amount_and_village_and_leaves_the_earlier_allocation(typed, stage, listed):
    listed([family(1), family(2), family(3)])
    before = entitlement(stage, 1)
    done = listed(
        [family(1, nominal=750000), family(2, kode_desa="3511012002"), family(3)], "--kind", "correction", name="c.csv"
    )
    assert (done["kind"], done["accepted"], done["quarantined"]) == ("correction", 3, 0)
    after = entitlement(stage, 1)
    assert (after[1], after[3]) == (before[1], 750_000), "the same entitlement, another amount"
    assert allocated(typed, stage) == {"3511012001": (2, 1_350_000), "3511012002": (1, 600_000)}
    assert allocated(typed, stage, "--version", 1) == {"3511012001": (3, 1_800_000)}
    told = typed(danom, "diff", f"{stage}-v1", f"{stage}-v2").data
    assert (told["lines"], told["amount_rp"], told["corrected"]) == (0, 150_000, 2)


def test_a_correction_moves_a_family_to_another_branch(typed, stage, listed, office):
    listed([family(1), family(2)])
    listed([family(1, kode_desa="3511022001")], "--kind", "correction", name="c.csv")
    assert entitlement(stage, 1)[0] == office.neighbour
    assert pay(office, stage, 1) is Outcome.CREATED


def test_a_correction_of_who_was_paid_goes_to_quarantine(typed, stage, listed, office):
    listed([family(number) for number in range(1, 8)])
    assert pay(office, stage, 3) is Outcome.CREATED
    corrected = [family(number, nominal=700_000) for number in range(1, 8)]
    done = listed(corrected, "--kind", "correction", name="c.csv")
    assert (done["accepted"], done["quarantined"], done["reasons"]) == (6, 1, {"visited_already": 1})
    assert entitlement(stage, 3)[3] == 600_000
    assert entitlement(stage, 4)[3] == 700_000


def test_a_correction_of_who_is_not_on_the_list_goes_to_quarantine(typed, stage, listed):
    listed([family(1)])
    done = listed([family(1, nominal=1), family(9)], "--kind", "correction", name="c.csv")
    assert (done["accepted"], done["reasons"]) == (1, {"nik_not_in_stage": 1})


def test_a_withdrawal_holds_families_until_they_are_released(typed, stage, listed, office):
    listed([family(1), family(2), family(3)])
    done = listed([f"{nik_of(1)},meninggal", f"{nik_of(2)},", f"{nik_of(9)},"], "--kind", "withdrawal", name="w.csv", header="nik,keterangan")  # fmt: skip
    assert (done["accepted"], done["reasons"]) == (2, {"nik_not_in_stage": 1})
    assert sorted(hold["reason"] for hold in typed(danom, "holds", "--stage", stage).data["holds"]) == [
        "meninggal", f"withdrawn by {stage}-v2",
    ]  # fmt: skip
    assert pay(office, stage, 1) is Outcome.HELD
    assert sum(lines for lines, _ in allocated(typed, stage).values()) == 3, "held families stay allocated"
    assert typed(danom, "release", nik_of(1), "--stage", stage, "--reason", "alive").data["changed"]
    assert pay(office, stage, 1) is Outcome.CREATED
    assert pay(office, stage, 2) is Outcome.HELD


def test_holding_twice_changes_nothing_and_every_hold_has_a_reason(typed, stage, listed):
    listed([family(1)])
    words = (nik_of(1), "--stage", stage, "--reason", "doubt", "--as", "ministry")
    first = typed(danom, "hold", *words)
    assert (first.code, first.data["changed"]) == (0, True)
    assert typed(danom, "hold", *words).data["changed"] is False
    assert typed(danom, "hold", nik_of(1), "--stage", stage, "--reason", " ").code == 2
    assert typed(danom, "release", nik_of(1), "--stage", stage, "--reason", "done").data["changed"]
    assert typed(danom, "release", nik_of(1), "--stage", stage, "--reason", "done").data["changed"] is False
    told = typed(danom, "hold", nik_of(5), "--stage", stage, "--reason", "doubt")
    assert told.code == 2
    assert nik_of(5) not in told.said
    (trace,) = entries(verb="held")
    assert (trace.actor, trace.facts["reason"]) == ("ministry", "doubt")


def test_a_pair_is_judged_once_and_two_people_are_not_asked_about_again(typed, stage, listed, written):
    twin = {"nama": "Siti  Aminah", "tanggal_lahir": "1970-01-01"}
    listed([family(1, **twin)])
    second = listed([family(2, **twin | {"nama": "SITI AMINAH"})], name="b.csv")
    assert second["reasons"]["probable_duplicate"] == 1
    pairs = typed(danom, "duplicates", "--stage", stage)
    assert pairs.code == 1
    (pair,) = pairs.data["pairs"]
    assert pair["nik"].startswith("9900••••••••")
    judged = ("judge", pair["family"], pair["other"], "--distinct", "--reason", "two sisters", "--as", "camat")
    assert typed(danom, *judged).code == 0
    assert typed(danom, *judged).code == 2
    assert typed(danom, "duplicates", "--stage", stage).data["pairs"] == []
    # The next stage brings both again.
    both = [family(1, **twin), family(2, **twin)]
    answer = typed(danom, "import", written(both, name="next.csv"), "--stage", OTHER)
    assert "probable_duplicate" not in answer.data["reasons"]


def test_reasons_weigh_as_the_programme_says(typed, stage, written):
    lines = [family(1, no_kk="123"), family(2, nama="S1TI")]
    answer = typed(danom, "import", written(lines), "--stage", stage)
    assert answer.data["reasons"] == {"kk_form": 1, "name_damaged": 1}
    assert (answer.data["accepted"], answer.data["quarantined"]) == (1, 1)
    typed(danom, "cancel", answer.data["batch"])
    assert typed(danom, "policy", "SEMBAKO", "kk_form=warning", "name_damaged=error").code == 0
    answer = typed(danom, "import", written(lines), "--stage", stage)
    assert (answer.data["accepted"], answer.data["warned"], answer.data["quarantined"]) == (1, 1, 1)
    refused = typed(danom, "policy", "SEMBAKO", "nik_length=warning")
    assert refused.code == 2
    assert "nik_length" in refused.said


def test_between_two_stages_families_came_went_and_stayed(typed, stage, listed, written):
    listed([family(1), family(2), family(3)])
    answer = typed(
        danom, "import", written([family(2), family(3, nominal=1000), family(4)], name="n.csv"), "--stage", BY_ONE
    )
    assert typed(danom, "approve", answer.data["batch"], "--as", "checker").code == 0
    told = typed(danom, "diff", f"{stage}-v1", answer.data["batch"]).data
    assert {key: told[key] for key in ("came", "went", "stayed", "other_amount")} == {
        "came": 1, "went": 1, "stayed": 2, "other_amount": 1,
    }  # fmt: skip


def known_as():
    with connection.cursor() as cursor:
        cursor.execute("SELECT address, kk_sealed IS NULL FROM registry_family ORDER BY stage")
        return cursor.fetchall()


def test_a_family_is_named_in_each_stage_as_its_own_list_names_it(typed, stage, listed, written):
    listed([family(1)])
    answer = typed(danom, "import", written([family(1, alamat="JL. BARU", no_kk="")], name="n.csv"), "--stage", BY_ONE)
    assert typed(danom, "approve", answer.data["batch"], "--as", "checker").code == 0
    (older,) = [address for address, without_card in known_as() if not without_card]
    assert known_as() == [(older, False), ("JL. BARU", True)]


def test_a_correction_corrects_the_name_and_leaves_a_card_that_it_does_not_give(stage, listed):
    listed([family(1)])
    listed([family(1, alamat="JL. BARU", no_kk="")], "--kind", "correction", name="c.csv")
    assert known_as() == [("JL. BARU", False)]


def test_the_invariants_hold_after_all_of_it(typed, stage, listed, office):
    listed([family(number) for number in range(1, 30)])
    listed([family(1, nominal=1000), family(2, kode_desa="3511022001")], "--kind", "correction", name="c.csv")
    listed([nik_of(2)], "--kind", "withdrawal", name="w.csv", header="nik")
    assert all(check.ok for check in recount(stage=stage_by_code(stage).id))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE danom_entitlement SET held = true WHERE line = 9")
        cursor.execute("UPDATE danom_tally SET lines = lines + 1 WHERE version = 1")
    assert [check.ok for check in recount(stage=stage_by_code(stage).id)] == [False, False, True, False]
