"""In a large batch the signature at the end vouches for the events behind it, and for nothing else."""

import re

import pytest

from salur.field import actions as field
from salur.field import reading, wire
from salur.field.models import Quarantine
from salur.field.phone import Phone, envelope, new_key, public_key_of
from salur.field.tests.test_sync import Officer
from salur.lib.rights import as_owner
from salur.lib.sql import server_cursor

MANY = 30


@pytest.fixture
def officer(office):
    return Officer(office)


@pytest.fixture
def checked(monkeypatch):
    """How many signatures are checked."""
    bodies = []
    real = reading.signed_by

    def counting(public_key, body, signature):
        bodies.append(body)
        return real(public_key, body, signature)

    monkeypatch.setattr(reading, "signed_by", counting)
    return bodies


def day(officer, events=MANY):
    return [officer.phone.make(typ="CASH", id=officer.office.id(), amt=1_000 + n) for n in range(events)]


def resigned(one, key):
    return envelope(wire.from_base64url(one.b), key)


def altered(one, key=None):
    """The same event with another amount: under its old signature, or under one of the forger's own key."""
    body = re.sub(rb'"amt":\d+', b'"amt":9999', wire.from_base64url(one.b))
    if key is not None:
        return envelope(body, key)
    return wire.Envelope(b=wire.to_base64url(body), s=one.s, h=wire.digest(body).hex())


def vouched_for():
    (check,) = [check for check in field.recount() if "vouched" in check.name]
    return check


def test_one_signature_is_checked_for_a_whole_day(officer, checked):
    assert officer.answers(*day(officer)) == ["ACCEPTED"] * MANY
    assert len(checked) == 1
    assert vouched_for() == (vouched_for().name, MANY, 0, [])


def test_in_a_small_batch_every_signature_is_checked(officer, checked):
    few = day(officer, reading.EACH_SIGNATURE_UP_TO)
    few[3] = resigned(few[3], new_key())
    waiting = ["HELD_GAP"] * (len(few) - 4)
    assert officer.answers(*few) == ["ACCEPTED"] * 3 + ["REJECT_BAD_SIG"] + waiting
    assert len(checked) == len(few)


@pytest.mark.parametrize("key", [None, new_key()], ids=["the old signature", "a forger's signature"])
def test_an_altered_event_in_the_middle_is_refused_and_those_after_it_wait(officer, key):
    good = day(officer)
    sent = [*good[:12], altered(good[12], key), *good[13:]]
    assert officer.answers(*sent) == ["ACCEPTED"] * 12 + ["REJECT_BAD_SIG"] + ["HELD_GAP"] * 17
    assert Quarantine.objects.filter(answer="REJECT_BAD_SIG").count() == 1
    assert officer.answers(good[12]) == ["ACCEPTED"]
    assert officer.send(*good).last_seq == MANY
    assert vouched_for().ok


def test_a_hash_that_is_not_the_hash_of_the_bytes_is_never_vouched_for(officer):
    good = day(officer)
    other = altered(good[12])
    lying = wire.Envelope(b=other.b, s=other.s, h=good[12].h)
    assert officer.answers(*good[:12], lying, *good[13:])[12] == "REJECT_BAD_SIG"


def test_swapped_shuffled_and_repeated_events_are_the_same_day(officer, checked):
    good = day(officer)
    swapped = [*good[:5], good[6], good[5], *good[7:], good[9]]
    answers = officer.answers(*swapped)
    assert answers == ["ACCEPTED"] * MANY + ["DUPLICATE"]
    assert officer.answers(*good[::-1]) == ["DUPLICATE"] * MANY
    assert officer.send().last_seq == MANY
    # Where the order does not bring the one that vouches before the one it vouches for, the event's own signature is checked.
    assert len(checked) == 1 + 1 + 1 + MANY


def test_a_forged_signature_on_the_right_bytes_is_taken_for_what_the_phone_signed_later(officer):
    """Nothing was forged but the signature: the phone itself, signing the end, said that these are the bytes before it."""
    good = day(officer)
    good[12] = resigned(good[12], new_key())
    assert officer.answers(*good) == ["ACCEPTED"] * MANY
    assert vouched_for().ok


def test_a_forged_end_vouches_for_nobody(officer, checked):
    forger = new_key()
    good = day(officer)
    assert officer.answers(*good[:-1], resigned(good[-1], forger)) == ["ACCEPTED"] * (MANY - 1) + ["REJECT_BAD_SIG"]
    assert len(checked) == 2
    checked.clear()
    other = Officer(officer.office, families=[], number=1)
    false = Phone(other.phone.device, forger, prev=other.phone.prev, defaults=other.phone.defaults)
    whole = [false.make(typ="CASH", id=officer.office.id(), amt=n + 1) for n in range(MANY)]
    assert other.answers(*whole) == ["REJECT_BAD_SIG"] * MANY
    assert len(checked) == MANY
    assert other.send().last_seq == 0


def test_an_event_of_another_phone_vouches_for_nobody(officer):
    """A second phone of the forger's, rightly signed, whose event names the hash of a forged one as its predecessor."""
    other = Officer(officer.office, families=[], number=1)
    good = day(officer)
    forged = altered(good[-1])
    other.phone.prev = forged.h
    foreign = other.phone.make(typ="CASH", id=officer.office.id(), amt=1)
    answers = officer.answers(*good[:-1], forged, foreign)
    assert answers == ["ACCEPTED"] * (MANY - 1) + ["REJECT_BAD_SIG"] * 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("body = overlay(body placing '7' from position('\"amt\"' in encode(body, 'escape')) + 6)", "is not what was signed"),
        ("body = overlay(body placing '7' from position('\"amt\"' in encode(body, 'escape')) + 6), digest = sha256(overlay(body placing '7' from position('\"amt\"' in encode(body, 'escape')) + 6))", "is not what was signed"),
    ],
    ids=["the bytes", "the bytes and their hash"],
)  # fmt: skip
@pytest.mark.parametrize("seq", [1, 15, MANY])
def test_verify_sees_an_event_that_was_changed_later(officer, change, said, seq):
    officer.send(*day(officer))
    assert vouched_for().ok
    with as_owner(), server_cursor() as cursor:
        cursor.execute(f"UPDATE field_event SET {change} WHERE seq = {seq}")
        assert cursor.rowcount == 1
        if seq == MANY:
            cursor.execute(
                "UPDATE field_device SET last_digest = e.digest FROM field_event AS e WHERE e.device = field_device.id AND e.seq = last_seq"
            )
    found = vouched_for()
    assert found.broken >= 1
    assert said in found.examples[0]


def test_verify_sees_a_head_that_the_phone_never_signed(officer):
    officer.send(*day(officer))
    with as_owner(), server_cursor() as cursor:
        cursor.execute("UPDATE field_event SET signature = decode(repeat('01', 64), 'hex') WHERE seq = %s", [MANY])
    assert "is not what was signed" in vouched_for().examples[0]


def test_the_key_of_the_cast_is_a_key(officer):
    """The counting above wraps the real check: it says yes to the phone's key and no to another."""
    (one,) = day(officer, 1)
    body, signature = wire.from_base64url(one.b), wire.from_base64url(one.s)
    assert reading.signed_by(public_key_of(officer.key), body, signature)
    assert not reading.signed_by(public_key_of(new_key()), body, signature)
