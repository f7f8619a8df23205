"""Whatever two phones say in whatever order it arrives: each payment is in the books once, paid or in suspense, and every recount holds.

Hypothesis makes up what two officers do with the same ten families (all seven kinds of events, right and wrong amounts, families that are not
on the list, payments taken back in time or too late) and how it travels: in pieces, too early, shuffled, repeated. A model that is a list says
what must be answered and where the money must be. ``SALUR_EXAMPLES=200`` looks longer.
"""

import os
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from conftest import make_post_office
from salur.audit import actions as audit
from salur.cases import actions as cases
from salur.custody import actions as custody
from salur.evidence import actions as evidence
from salur.field import actions as field
from salur.field import lease
from salur.field.phone import Phone, new_key, public_key_of
from salur.ledger import actions as ledger
from salur.payments import actions as payments

NOW = datetime(2022, 3, 12, 1, 0, tzinfo=UTC)
AMOUNT = 600_000
PLACE = {"lat_e7": -79_000_000, "lon_e7": 1_138_000_000, "acc_dm": 80, "fix_ms": 1_647_061_200_000, "n": 3}

pytestmark = pytest.mark.slow

phones = st.integers(0, 1)
families = st.integers(0, 9)


class Said:
    """One event as the model knows it."""

    def __init__(self, kind, envelope, **facts):
        self.kind, self.envelope, self.facts = kind, envelope, facts
        self.answer = None


class PhonesInAnyOrder(RuleBasedStateMachine):
    @initialize()
    def two_phones_with_the_same_families(self) -> None:
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.office = make_post_office()
        self.phones, self.lists, self.chains, self.settled = [], [], ([], []), [0, 0]
        self.standing, self.moved = {}, {}  # family → PAY that stands; (account, officer) → rupiah
        self.made = 0
        for number in (0, 1):
            token = lease.offer_enrolment(officer=self.office.officers[number], actor="kepala", at=NOW)
            key = new_key()
            device = lease.enrol_device(
                token=token, public_key=public_key_of(key), self_test={}, persisted=True, app="1", at=NOW
            ).device
            self.phones.append(Phone(device, key, defaults={"skew_age_s": 60}))
            listed = lease.issue_lease(
                device=device, stage=self.office.stage, entitlements=self.office.entitlements, day=NOW.date(),
                expires_at=NOW + timedelta(hours=30), actor="kepala", at=NOW,
            )  # fmt: skip
            self.lists.append(listed.id)
            # The branch gave the first phone up: its list goes to the second, and what it did until then still comes.
            lease.end_lease(lease=listed.id, at=NOW + timedelta(hours=20))
        self.at = NOW + timedelta(hours=10)

    def teardown(self) -> None:
        if hasattr(self, "transaction"):
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    def say(self, phone, kind, **facts):
        self.made += 1
        moment = NOW + timedelta(hours=1, seconds=self.made)
        id = facts.pop("id", None) or self.office.id()
        model = facts.pop("model", {})
        envelope = self.phones[phone].make(typ=kind, id=id, cap_ms=int(moment.timestamp() * 1000), **facts)
        self.chains[phone].append(Said(kind, envelope, id=id, **model))

    def about(self, phone, family):
        return {"wl": self.lists[phone], "asg": self.office.entitlements[family], "geo": PLACE}

    @rule(phone=phones, family=families, wrong=st.sampled_from([0, 0, 0, 1]), at_door=st.booleans())
    def a_payment(self, phone, family, wrong, at_door) -> None:
        amount = AMOUNT + wrong
        model = {"family": family, "amount": amount}
        self.say(phone, "PAY", amt=amount, ch="D2D" if at_door else "KOM", model=model, **self.about(phone, family))

    @rule(phone=phones)
    def a_payment_to_a_family_of_another_branch(self, phone) -> None:
        about = {"wl": self.lists[phone], "asg": self.office.neighbours_entitlement, "geo": PLACE}
        self.say(phone, "PAY", amt=AMOUNT, ch="KOM", model={"family": None, "amount": AMOUNT}, **about)

    @rule(phone=phones, family=families, reason=st.sampled_from(["TIDAK_HADIR", "MENINGGAL", "PINDAH", "MENOLAK"]))
    def a_visit_in_vain(self, phone, family, reason) -> None:
        self.say(phone, "UNPAID", reason=reason, **self.about(phone, family))

    @rule(phone=phones, family=families)
    def a_geotag(self, phone, family) -> None:
        self.say(phone, "EVID", what="RUMAH", **self.about(phone, family))

    @precondition(lambda self: any(said.kind == "PAY" for chain in getattr(self, "chains", ()) for said in chain))
    @rule(data=st.data(), cosigned=st.booleans())
    def a_payment_is_taken_back(self, data, cosigned) -> None:
        paid = [(n, s) for n in (0, 1) for s in self.chains[n] if s.kind == "PAY" and s.facts["family"] is not None]
        if not paid:
            return
        phone, said = data.draw(st.sampled_from(paid))
        family = said.facts["family"]
        model = {"family": family, "pay": said.facts["id"], "cosigned": cosigned}
        cosigner = {"cosigner": "koordinator"} if cosigned else {}
        self.say(
            phone,
            "VOID",
            pay=said.facts["id"],
            reason="salah orang",
            model=model,
            **cosigner,
            **self.about(phone, family),
        )

    @rule(phone=phones, amount=st.integers(0, 10_000_000), kind=st.sampled_from(["OPEN", "CASH", "CLOSE"]))
    def the_shifts_cash(self, phone, amount, kind) -> None:
        facts = {
            "OPEN": {"float_rp": amount},
            "CASH": {"amt": amount},
            "CLOSE": {"paid": 1, "paid_rp": 1, "left_rp": amount},
        }
        self.say(phone, kind, **facts[kind])

    @rule(
        phone=phones, skipped=st.integers(0, 3), most=st.integers(1, 12), back=st.integers(0, 4), shuffled=st.randoms()
    )
    def a_batch_arrives(self, phone, skipped, most, back, shuffled) -> None:
        """From some events before what is told already to some after the next; in any order."""
        first = max(0, self.settled[phone] + skipped - back)
        batch = self.chains[phone][first : first + most]
        if not batch:
            return
        shuffled.shuffle(batch)
        self.at += timedelta(seconds=1)
        found = field.ingest(device=self.phones[phone].device, envelopes=[said.envelope for said in batch], at=self.at)
        self.expect(phone, batch)
        for said, out in zip(batch, found.out, strict=True):
            expected = said.answer or "HELD_GAP"
            if out.r == "DUPLICATE":
                assert (said.known, expected) == (True, "ACCEPTED"), said.kind
            else:
                assert out.r.removesuffix("_FLAGGED") == expected, (said.kind, said.facts, str(out.r), expected)
        assert found.last_seq == self.settled[phone]

    def expect(self, phone, batch) -> None:
        """What must become of it: each event whose turn it is, with those that waited for it, in the order of the chain."""
        chain = self.chains[phone]
        for said in batch:
            said.known = said.answer is not None
            said.here = True
        first = self.settled[phone]
        while self.settled[phone] < len(chain) and getattr(chain[self.settled[phone]], "here", False):
            self.settled[phone] += 1
        together = chain[first : self.settled[phone]]
        for said in together:
            said.answer = self.judge(phone, said, together)

    def judge(self, phone, said, together) -> str:
        officer, facts = self.office.officers[phone], said.facts
        if said.kind == "PAY":
            answer = "ACCEPTED"
            if facts["family"] is None:
                answer = "SUSPENSE_NOT_IN_LEASE"
            elif facts["amount"] != AMOUNT:
                answer = "SUSPENSE_AMOUNT_MISMATCH"
            elif facts["family"] in self.standing:
                answer = "SUSPENSE_ALREADY_PAID"
            self.move("paid" if answer == "ACCEPTED" else f"suspense/{officer}", f"float/{officer}", facts["amount"])
            if answer == "ACCEPTED":
                self.standing[facts["family"]] = facts["id"], officer
            return answer
        if said.kind == "VOID":
            before = any(one.facts["id"] == facts["pay"] for one in together)
            stands = self.standing.get(facts["family"], (None, None))
            if (facts["cosigned"] or before) and stands[0] == facts["pay"]:
                del self.standing[facts["family"]]
                self.move(f"float/{stands[1]}", "paid", AMOUNT)
        return "ACCEPTED"

    def move(self, debit, credit, amount_rp) -> None:
        self.moved[debit] = self.moved.get(debit, 0) + amount_rp
        self.moved[credit] = self.moved.get(credit, 0) - amount_rp

    @invariant()
    def the_money_is_where_the_model_says(self) -> None:
        if hasattr(self, "at"):
            balances = {row.code: row.balance_rp for row in ledger.balances(stage=self.office.stage) if row.balance_rp}
            assert balances == {code: rp for code, rp in self.moved.items() if rp}

    @rule()
    def every_recount_holds(self) -> None:
        stage = self.office.stage
        checks = [
            *payments.recount(stage=stage), *evidence.recount(stage=stage), *ledger.recount(stage=stage), *field.recount(), *cases.recount(),
            custody.recount_counts(), audit.verify(),
        ]  # fmt: skip
        for check in checks:
            assert check.ok, f"{check.name}: {check.examples}"

    @rule()
    def each_payment_that_does_not_stand_is_one_case(self) -> None:
        settled = [s for n in (0, 1) for s in self.chains[n][: self.settled[n]] if s.kind == "PAY"]
        expected = sorted(s.facts["amount"] for s in settled if s.answer.startswith("SUSPENSE"))
        money = {"double_payment", "amount_mismatch", "unknown_entitlement"}
        found = sorted(row.amount_rp for row in cases.cases(state=None, limit=10_000) if row.kind in money)
        assert found == expected


def look(**words):
    run_state_machine_as_test(
        PhonesInAnyOrder,
        settings=settings(deadline=None, suppress_health_check=list(HealthCheck), stateful_step_count=40, **words),
    )


@pytest.mark.django_db
def test_events_in_any_order_keep_every_invariant():
    look(max_examples=int(os.environ.get("SALUR_EXAMPLES", "12")))


def _lost_in_suspense(post):
    return lambda owner, reads, at: None


def _known_by_nobody(known):
    return lambda inbox: {}


def _no_case(new):
    return lambda owner, chain: []


BROKEN = {
    "what cannot be posted is forgotten": ("salur.field.posting.put_in_suspense", _lost_in_suspense),
    "a repetition is taken for another history": ("salur.field.actions._Inbox._known", _known_by_nobody),
    "what waited is forgotten": ("salur.field.actions._Inbox._waiting", _known_by_nobody),
    "no case is opened": ("salur.field.posting.new_cases", _no_case),
}


@pytest.mark.django_db
@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_inbox_does_not_pass(monkeypatch: pytest.MonkeyPatch, what: str):
    """The test above is worth something only if it notices."""
    place, breaks = BROKEN[what]
    module, name = place.rsplit(".", 1)
    holder = {"salur.field.posting": field.posting, "salur.field.actions._Inbox": field._Inbox}[module]
    monkeypatch.setattr(holder, name, breaks(getattr(holder, name)))
    with pytest.raises((AssertionError, pytest.fail.Exception, KeyError)):
        # As many as it takes: it stops at the first.
        look(
            max_examples=400, phases=[Phase.generate], database=None, derandomize=True, print_blob=False,
            report_multiple_bugs=False,
        )  # fmt: skip
