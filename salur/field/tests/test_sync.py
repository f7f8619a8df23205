"""A phone's events arrive: perhaps late, perhaps twice, perhaps out of order, perhaps forged."""

import gzip
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from django.test import Client

from salur.cases import actions as cases
from salur.field import actions as field
from salur.field import lease, wire
from salur.field.phone import Phone, envelope, new_key, public_key_of
from salur.ledger import actions as ledger
from salur.lib.sql import server_cursor
from salur.payments import actions as payments

NOW = datetime(2022, 3, 12, 5, 0, tzinfo=UTC)


class Officer:
    """An enrolled phone with the ten families of the branch on its list."""

    def __init__(self, office, *, families=None, number=0):
        self.office = office
        self.client = Client()
        token = lease.offer_enrolment(officer=office.officers[number], actor="kepala", at=NOW)
        self.key = new_key()
        self.certificate = lease.enrol_device(
            token=token, public_key=public_key_of(self.key), self_test={}, persisted=True, app="1", at=NOW
        )
        self.phone = Phone(
            self.certificate.device, self.key, defaults={"skew_age_s": 60, "cap_ms": ms(NOW + timedelta(hours=1))}
        )
        self.lease = None
        if families != []:
            self.lease = lease.issue_lease(
                device=self.certificate.device, stage=office.stage, entitlements=families or office.entitlements, day=NOW.date(),
                expires_at=NOW + timedelta(hours=20), actor="kepala", at=NOW,
            )  # fmt: skip

    def about(self, number, **facts):
        asg = facts.pop("asg", None) or self.office.entitlements[number]
        return {"id": self.office.id(), "wl": self.lease.id, "asg": asg, "geo": PLACE, "ph": [PHOTO], **facts}

    def pay(self, number=0, **facts):
        return self.phone.make(
            typ="PAY", **{"amt": 600_000, "ch": "KOM", "ver": {"inv": "QR"}, **self.about(number, **facts)}
        )

    def send(self, *envelopes, at=None):
        return field.ingest(device=self.certificate.device, envelopes=envelopes, at=at or NOW + timedelta(hours=2))

    def answers(self, *envelopes, at=None):
        return [str(out.r) for out in self.send(*envelopes, at=at).out]


PLACE = {"lat_e7": -79_000_000, "lon_e7": 1_138_000_000, "acc_dm": 80, "fix_ms": 1_647_061_200_000, "n": 3}
PHOTO = {
    "k": "RUMAH",
    "sha": "0" * 64,
    "n": 40_000,
    "w": 1280,
    "h": 960,
    "mime": "image/webp",
    "cap_ms": 1_647_061_200_000,
}


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@pytest.fixture
def officer(office):
    return Officer(office)


def balances(office):
    return {row.code: row.balance_rp for row in ledger.balances(stage=office.stage) if row.balance_rp}


def everything_adds_up(office):
    for check in (*payments.recount(stage=office.stage), *ledger.recount(stage=office.stage), *field.recount()):
        assert check.ok, f"{check.name}: {check.examples}"


def test_a_day_is_posted_and_a_repetition_changes_nothing(office, officer):
    day = [
        officer.phone.make(typ="OPEN", id=office.id(), float_rp=6_000_000),
        officer.pay(0),
        officer.pay(1, ch="D2D"),
        officer.phone.make(typ="UNPAID", reason="TIDAK_HADIR", **officer.about(2)),
        officer.phone.make(typ="EVID", what="RUMAH", **officer.about(0)),
        officer.phone.make(typ="CLOSE", id=office.id(), paid=2, paid_rp=1_200_000, left_rp=4_800_000),
    ]
    first = officer.send(*day)
    assert [str(out.r) for out in first.out] == ["ACCEPTED"] * 6
    assert first.last_seq == 6
    assert all(len(out.receipt_no) == 9 for out in first.out)
    before = balances(office)
    again = officer.send(*day)
    assert [str(out.r) for out in again.out] == ["DUPLICATE"] * 6
    assert [out.receipt_no for out in again.out] == [out.receipt_no for out in first.out]
    assert balances(office) == before == {"paid": 1_200_000, f"float/{office.officers[0]}": -1_200_000}
    with server_cursor() as cursor:
        cursor.execute("SELECT count(*), count(*) FILTER (WHERE revision = 0) FROM evidence_geotag")
        assert cursor.fetchone() == (2, 2)
    everything_adds_up(office)


def test_two_phones_pay_one_family_offline_and_both_amounts_are_accounted_for(office, officer):
    officer.send(officer.pay(0))
    lease.end_lease(lease=officer.lease.id, at=NOW + timedelta(hours=3))
    second = Officer(office, number=1)
    assert second.answers(second.pay(0)) == ["SUSPENSE_ALREADY_PAID"]
    assert balances(office) == {
        "paid": 600_000,
        f"float/{office.officers[0]}": -600_000,
        f"suspense/{office.officers[1]}": 600_000,
        f"float/{office.officers[1]}": -600_000,
    }
    everything_adds_up(office)


def cases_open():
    return sorted((row.kind, row.amount_rp) for row in cases.cases())


class TestCases:
    def test_a_family_paid_twice_is_one_case_however_often_it_is_told(self, office, officer):
        officer.send(officer.pay(0))
        lease.end_lease(lease=officer.lease.id, at=NOW + timedelta(hours=3))
        second = Officer(office, number=1)
        paid = second.pay(0)
        assert second.answers(paid) == second.answers(paid) == ["SUSPENSE_ALREADY_PAID"]
        assert cases_open() == [("double_payment", 600_000)]

    def test_amounts_and_families_that_are_not_the_lists(self, office, officer):
        officer.send(officer.pay(0, amt=550_000), officer.pay(asg=office.neighbours_entitlement))
        assert cases_open() == [("amount_mismatch", 550_000), ("unknown_entitlement", 600_000)]

    def test_a_revoked_phone_and_a_fork_are_one_case_each(self, office, officer):
        copied = Phone(officer.phone.device, officer.key, defaults=officer.phone.defaults)
        officer.send(officer.pay(0))
        for number in (5, 6):
            officer.send(copied.make(typ="PAY", amt=600_000, ch="KOM", **officer.about(number)))
            copied.seq, copied.prev = 0, wire.genesis(copied.device, public_key_of(officer.key)).hex()
        device = officer.certificate.device
        lease.revoke_device(device=device, reason="lost", actor="kepala", at=NOW + timedelta(hours=2))
        after = ms(NOW + timedelta(hours=3))
        officer.send(officer.pay(1, cap_ms=after), officer.pay(2, cap_ms=after), at=NOW + timedelta(hours=4))
        assert cases_open() == [("forked_device", None), ("revoked_device", None)]
        everything_adds_up(office)

    def test_a_phone_without_a_list_puts_its_cash_into_the_branchs_newest_book(self, office):
        without = Officer(office, families=[])
        without.lease = Officer(office, number=1).lease
        assert without.answers(without.pay(0)) == ["SUSPENSE_NOT_IN_LEASE"]
        assert balances(office)[f"suspense/{office.officers[0]}"] == 600_000
        everything_adds_up(office)

    def test_an_id_that_moved_other_money_before_still_leaves_the_cash_accounted_for(self, office, officer):
        one = office.id()
        assert officer.answers(officer.pay(0, id=one), officer.pay(1, id=one)) == ["ACCEPTED", "REJECT_ID_REUSED"]
        assert balances(office)[f"suspense/{office.officers[0]}"] == 600_000
        everything_adds_up(office)

    def test_the_cash_counted_at_the_close_is_held_against_the_books(self, office, officer):
        officer.send(officer.phone.make(typ="CLOSE", id=office.id(), paid=0, paid_rp=0, left_rp=100_000))
        assert [kind for kind, _ in cases_open()] == ["count_difference"]


class TestSuspense:
    def test_a_family_that_is_not_on_the_list(self, office, officer):
        assert officer.answers(officer.pay(asg=office.neighbours_entitlement)) == ["SUSPENSE_NOT_IN_LEASE"]
        assert balances(office)[f"suspense/{office.officers[0]}"] == 600_000

    def test_a_payment_after_the_list_had_expired(self, office, officer):
        late = NOW + timedelta(hours=21)
        assert officer.answers(officer.pay(cap_ms=ms(late)), at=late) == ["SUSPENSE_LEASE_EXPIRED"]

    def test_a_payment_made_before_the_list_expired_arrives_days_later(self, office, officer):
        assert officer.answers(officer.pay(), at=NOW + timedelta(days=3)) == ["ACCEPTED"]

    def test_another_amount_than_the_lists(self, office, officer):
        assert officer.answers(officer.pay(amt=550_000)) == ["SUSPENSE_AMOUNT_MISMATCH"]

    def test_a_family_that_the_ministry_holds(self, office, officer):
        with server_cursor() as cursor:
            cursor.execute("UPDATE danom_entitlement SET held = true WHERE id = %s", [office.entitlements[0]])
        assert officer.answers(officer.pay()) == ["SUSPENSE_KPM_BLOCKED"]

    def test_a_revoked_phone_posts_what_it_did_before_and_not_what_it_did_after(self, office, officer):
        before, after = (
            officer.pay(0, cap_ms=ms(NOW + timedelta(hours=1))),
            officer.pay(1, cap_ms=ms(NOW + timedelta(hours=3))),
        )
        lease.revoke_device(
            device=officer.certificate.device, reason="lost", actor="kepala", at=NOW + timedelta(hours=2)
        )
        answer = officer.send(before, after, at=NOW + timedelta(hours=4))
        assert [str(out.r) for out in answer.out] == ["ACCEPTED", "SUSPENSE_REVOKED_AFTER"]
        assert answer.revoke
        everything_adds_up(office)


class TestChain:
    def test_events_that_come_too_early_wait_for_those_before_them(self, office, officer):
        one, two, three = officer.pay(0), officer.pay(1), officer.pay(2)
        assert officer.answers(three) == ["HELD_GAP"]
        assert officer.answers(two, three) == ["HELD_GAP", "HELD_GAP"]
        assert balances(office) == {}
        assert officer.answers(one) == ["ACCEPTED"]
        assert balances(office)["paid"] == 1_800_000
        assert officer.answers(one, two, three) == ["DUPLICATE"] * 3
        everything_adds_up(office)

    def test_any_order_within_a_batch_is_the_same_order(self, office, officer):
        one, two, three = officer.pay(0), officer.pay(1), officer.pay(2)
        assert officer.answers(three, one, two) == ["ACCEPTED"] * 3

    def test_a_copied_profile_is_a_fork_and_is_seen(self, office, officer):
        copied = Phone(officer.phone.device, officer.key, defaults=officer.phone.defaults)
        assert officer.answers(officer.pay(0)) == ["ACCEPTED"]
        forged = copied.make(typ="PAY", amt=600_000, ch="KOM", **officer.about(5))
        assert officer.answers(forged) == ["REJECT_ID_REUSED"]
        assert quarantined() == 1

    def test_two_histories_in_one_batch_are_seen(self, office, officer):
        copied = Phone(officer.phone.device, officer.key, defaults=officer.phone.defaults)
        forged = copied.make(typ="PAY", amt=600_000, ch="KOM", **officer.about(5))
        assert officer.answers(officer.pay(0), forged) == ["ACCEPTED", "REJECT_ID_REUSED"]

    def test_a_next_event_that_does_not_follow_is_a_fork(self, office, officer):
        officer.send(officer.pay(0))
        officer.phone.prev = "f" * 64
        assert officer.answers(officer.pay(1)) == ["REJECT_ID_REUSED"]


class TestVoid:
    def test_before_sending_the_phone_takes_it_back_alone(self, office, officer):
        pay_id = office.id()
        paid = officer.pay(0, id=pay_id)
        void = officer.phone.make(typ="VOID", pay=pay_id, reason="salah orang", **officer.about(0))
        assert officer.answers(paid, void) == ["ACCEPTED", "ACCEPTED"]
        assert balances(office) == {}
        everything_adds_up(office)

    def test_after_sending_it_takes_a_supervisor(self, office, officer):
        pay_id = office.id()
        officer.send(officer.pay(0, id=pay_id))
        alone = officer.phone.make(typ="VOID", pay=pay_id, reason="salah orang", **officer.about(0))
        assert officer.answers(alone) == ["ACCEPTED_FLAGGED"]
        assert balances(office)["paid"] == 600_000
        signed = officer.phone.make(typ="VOID", pay=pay_id, reason="salah orang", cosigner="kepala", **officer.about(0))
        assert officer.answers(signed) == ["ACCEPTED"]
        assert balances(office) == {}

    def test_paid_taken_back_and_paid_again_in_one_batch(self, office, officer):
        pay_id = office.id()
        day = [
            officer.pay(0, id=pay_id),
            officer.phone.make(typ="VOID", pay=pay_id, reason="salah orang", **officer.about(0)),
            officer.pay(0),
        ]
        assert officer.answers(*day) == ["ACCEPTED"] * 3
        assert balances(office)["paid"] == 600_000
        everything_adds_up(office)


class TestForgeries:
    def test_bytes_that_were_changed(self, office, officer):
        true = officer.pay(0)
        body = wire.from_base64url(true.b).replace(b"600000", b"900000")
        changed = wire.Envelope(b=wire.to_base64url(body), s=true.s, h=wire.digest(body).hex())
        assert officer.answers(changed, true) == ["REJECT_BAD_SIG", "ACCEPTED"]
        assert quarantined() == 1

    def test_another_phones_key(self, office, officer):
        stranger = Phone(officer.phone.device, new_key(), prev=officer.phone.prev, defaults=officer.phone.defaults)
        forged = stranger.make(typ="PAY", amt=600_000, ch="KOM", **officer.about(0))
        assert officer.answers(forged, officer.pay(1)) == ["REJECT_BAD_SIG", "ACCEPTED"]

    def test_a_device_that_is_not_enrolled(self, office, officer):
        stranger = Phone(office.id(), new_key())
        answer = field.ingest(
            device=stranger.device, envelopes=[stranger.make(typ="OPEN", id=office.id(), float_rp=0, cap_ms=0)], at=NOW
        )
        assert [str(out.r) for out in answer.out] == ["REJECT_UNKNOWN_DEVICE"]
        assert quarantined() == 1

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"null",
            b"[]",
            b"{}",
            b"\xff\xfe",
            b'{"typ":"PAY"}',
            b"[" * 5000,
            b'{"typ":"PAY","amt":1e9}',
            b'{"typ":"NEW","v":1}',
        ],
    )
    def test_bytes_that_are_no_event(self, office, officer, body):
        assert officer.answers(envelope(body, officer.key), officer.pay(0)) == ["REJECT_SCHEMA", "ACCEPTED"]

    @pytest.mark.parametrize(
        "change", [{"amt": 0}, {"amt": 1.5}, {"amt": "600000"}, {"cur": "USD"}, {"extra": 1}, {"seq": 0}, {"ch": "X"}]
    )
    def test_fields_that_are_not_of_their_form(self, office, officer, change):
        bad = officer.pay(0)
        facts = json.loads(wire.from_base64url(bad.b)) | change
        assert officer.answers(envelope(json.dumps(facts).encode(), officer.key)) == ["REJECT_SCHEMA"]

    def test_too_many_bytes(self, office, officer):
        assert officer.answers(envelope(b" " * 20_000, officer.key)) == ["REJECT_SCHEMA"]

    def test_the_same_garbage_sent_again_is_kept_once(self, office, officer):
        garbage = envelope(b"null", officer.key)
        officer.send(garbage)
        officer.send(garbage)
        assert quarantined() == 1


class TestClock:
    @pytest.mark.parametrize(
        "cap", [0, ms(NOW - timedelta(days=700)), ms(NOW + timedelta(days=300)), 4_102_444_800_000]
    )
    def test_a_wrong_clock_is_bounded_and_flagged(self, office, officer, cap):
        (out,) = officer.send(officer.pay(0, cap_ms=cap)).out
        assert (str(out.r), "clock_skew" in out.flags) == ("ACCEPTED_FLAGGED", True)
        with server_cursor() as cursor:
            cursor.execute("SELECT paid_at FROM payments_payment")
            (paid_at,) = cursor.fetchone()
        assert NOW <= paid_at <= NOW + timedelta(hours=2)

    def test_a_measured_skew_is_taken_off(self, office, officer):
        slow = ms(NOW + timedelta(hours=1)) - 300_000
        (out,) = officer.send(officer.pay(0, cap_ms=slow, skew_ms=300_000)).out
        with server_cursor() as cursor:
            cursor.execute("SELECT paid_at FROM payments_payment")
            assert cursor.fetchone() == (NOW + timedelta(hours=1),)
        assert str(out.r) == "ACCEPTED"


class TestLease:
    def test_a_family_is_on_one_live_list_only(self, office, officer):
        with pytest.raises(lease.AlreadyOnAList):
            Officer(office, number=1)
        assert lease.end_lease(lease=officer.lease.id, at=NOW) == 10
        assert lease.end_lease(lease=officer.lease.id, at=NOW) == 0
        assert Officer(office, number=1).lease.families == 10

    def test_count_and_sum_are_the_lists(self, office, officer):
        assert (officer.lease.families, officer.lease.amount_rp) == (10, 6_000_000)

    def test_a_token_works_once_and_not_for_long(self, office):
        key = public_key_of(new_key())
        token = lease.offer_enrolment(officer=office.officers[0], actor="kepala", at=NOW)
        enrol = {"public_key": key, "self_test": {}, "persisted": True, "app": "1"}
        with pytest.raises(lease.BadToken):
            lease.enrol_device(token=token, at=NOW + timedelta(minutes=11), **enrol)
        lease.enrol_device(token=token, at=NOW + timedelta(minutes=1), **enrol)
        with pytest.raises(lease.BadToken):
            lease.enrol_device(token=token, at=NOW + timedelta(minutes=2), **enrol)
        with pytest.raises(lease.BadKey):
            lease.enrol_device(token="x", at=NOW, **{**enrol, "public_key": b"\4" + bytes(64)})


class TestOverHttp:
    def post(self, officer, data, **headers):
        return officer.client.post("/api/v1/sync/events", data=data, content_type="application/json", headers=headers)

    def test_a_batch_is_answered_in_order(self, office, officer):
        body = msgspec.json.encode({"dev": officer.phone.device, "ev": [officer.pay(0), officer.pay(1)], "proto": 1})
        answer = self.post(officer, body)
        assert (answer.status_code, answer["X-Danom-Proto"]) == (200, "1")
        assert [out["r"] for out in answer.json()["out"]] == ["ACCEPTED"] * 2
        packed = gzip.compress(body)
        assert [out["r"] for out in self.post(officer, packed, **{"Content-Encoding": "gzip"}).json()["out"]] == [
            "DUPLICATE"
        ] * 2

    @pytest.mark.parametrize(
        ("data", "status"),
        [
            (b"", 400),
            (b"{}", 400),
            (b"\x00", 400),
            (b'{"dev":"x","ev":[]}', 400),
            (b"[" * 100_000, 400),
            (b" " * 2_000_001, 413),
        ],
    )
    def test_what_is_no_batch_is_refused_in_one_sentence(self, office, officer, data, status):
        answer = self.post(officer, data)
        assert answer.status_code == status
        assert answer.json()["message"].endswith(".")

    def test_a_gzip_bomb_is_refused(self, office, officer):
        assert self.post(officer, gzip.compress(b" " * 50_000_000), **{"Content-Encoding": "gzip"}).status_code == 413
        assert self.post(officer, b"no gzip", **{"Content-Encoding": "gzip"}).status_code == 400

    def test_more_than_a_hundred_events_are_refused(self, office, officer):
        one = officer.pay(0)
        answer = self.post(officer, msgspec.json.encode({"dev": officer.phone.device, "ev": [one] * 101}))
        assert answer.status_code == 400

    def test_an_app_that_is_too_old_is_told_to_update_and_keeps_its_queue(self, office, officer):
        answer = self.post(
            officer, msgspec.json.encode({"dev": officer.phone.device, "ev": [officer.pay(0)], "proto": 0})
        )
        assert answer.json()["next"] == "update_required"
        assert balances(office) == {}


def quarantined() -> int:
    with server_cursor() as cursor:
        cursor.execute("SELECT count(*) FROM field_quarantine")
        return cursor.fetchone()[0]
