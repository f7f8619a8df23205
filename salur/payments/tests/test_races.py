"""Many writers at once: the key decides, nobody is paid twice, nothing deadlocks."""

import random
import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection

from conftest import entitle, make_post_office
from salur.ledger import actions as ledger
from salur.payments import actions
from salur.payments.rules import Channel, Failure, Outcome, Payment, Reason


def in_threads(writers: int, work) -> None:
    errors = []

    def run(number: int) -> None:
        try:
            work(number)
        except Exception as error:  # noqa: BLE001 — shown by the test below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert errors == []


@pytest.mark.django_db(transaction=True)
def test_eight_writers_on_the_same_families_pay_each_exactly_once():
    office = make_post_office()
    families = [
        entitle(office, branch=office.branch, village=office.villages[n % 2], number=100 + n) for n in range(5000)
    ]
    ids = [office.id() for _ in range(8 * len(families))]
    at = office.noon + timedelta(hours=1)
    counted: Counter[Outcome] = Counter()
    counting = threading.Lock()

    def pay(writer: int) -> None:
        order = random.Random(writer).sample(families, len(families))
        for start in range(0, len(order), 100):
            batch = [
                Payment(
                    ids[writer * len(families) + start + n],
                    family,
                    office.officers[writer % 2],
                    office.amount_rp,
                    Channel.DOOR,
                    office.noon,
                )
                for n, family in enumerate(order[start : start + 100])
            ]
            outcomes = actions.record_payments(stage=office.stage, branch=office.branch, payments=batch, at=at)
            with counting:
                counted.update(outcomes)

    in_threads(8, pay)
    assert counted == {Outcome.CREATED: 5000, Outcome.ALREADY_PAID: 35_000}
    for check in (*actions.recount(stage=office.stage), *ledger.recount(stage=office.stage)):
        assert check.ok, f"{check.name}: {check.examples}"


@pytest.mark.django_db(transaction=True)
def test_visits_and_payments_of_the_same_families_at_once_keep_the_tally_true():
    office = make_post_office()
    families = [entitle(office, branch=office.branch, village=office.villages[0], number=100 + n) for n in range(300)]
    ids = [office.id() for _ in range(2 * len(families))]
    at = office.noon + timedelta(hours=1)

    def work(writer: int) -> None:
        for n, family in enumerate(families):
            if writer == 0:
                payment = Payment(ids[n], family, office.officers[0], office.amount_rp, Channel.DOOR, office.noon)
                actions.record_payments(stage=office.stage, branch=office.branch, payments=[payment], at=at)
            else:
                failure = Failure(ids[-n - 1], family, office.officers[1], Reason.NOT_HOME, office.noon)
                actions.record_failures(stage=office.stage, branch=office.branch, failures=[failure], at=at)

    in_threads(2, work)
    for check in actions.recount(stage=office.stage):
        assert check.ok, f"{check.name}: {check.examples}"


@pytest.mark.django_db(transaction=True)
def test_one_id_for_two_families_at_once_stands_for_one_of_them():
    office = make_post_office()
    at = office.noon + timedelta(hours=1)
    outcomes: list[Outcome] = []
    shared = [office.id() for _ in range(40)]
    families = [entitle(office, branch=office.branch, village=office.villages[0], number=200 + n) for n in range(80)]

    def work(writer: int) -> None:
        for n, id_ in enumerate(shared):
            payment = Payment(
                id_, families[2 * n + writer], office.officers[0], office.amount_rp, Channel.DOOR, office.noon
            )
            outcomes.extend(
                actions.record_payments(stage=office.stage, branch=office.branch, payments=[payment], at=at)
            )

    in_threads(2, work)
    assert Counter(outcomes) == {Outcome.CREATED: 40, Outcome.EXISTS_WITH_DIFFERENT_FACTS: 40}
