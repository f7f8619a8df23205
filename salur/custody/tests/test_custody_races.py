"""Many hands at once: an offer is accepted once, a paper is entered once, and nobody waits for each other in a ring."""

import threading
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import connection

from conftest import PostOffice, make_post_office
from salur.audit import actions as audit
from salur.custody import actions
from salur.custody.rules import Kind, Outcome, Portion
from salur.ledger import actions as ledger
from salur.lib.problem import Problem


def at_once(writers: int, work: Callable[[int], object]) -> Counter[object]:
    """What each said; a ``Problem`` by its code."""
    said: Counter[object] = Counter()
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            said.update([work(number)])
        except Problem as problem:
            said.update([problem.code])
        except Exception as error:  # noqa: BLE001 — shown below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert errors == []
    return said


def everything_adds_up(office: PostOffice) -> None:
    for check in (*actions.recount(stage=office.stage), *ledger.recount(stage=office.stage), audit.verify()):
        assert check.ok, f"{check.name}: {check.examples}"


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_accept_an_offer_at_once_one_has_it():
    office = make_post_office()
    offer = Portion(office.id(), office.stage, 5_000_000)
    actions.move(
        kind=Kind.SUPPLY, portions=[offer], branch=office.branch, reference="K-1", given_by="rina", at=office.noon
    )
    said = at_once(8, lambda n: actions.accept(movement=offer.id, actor=f"kasir {n}", at=office.noon))
    assert said == {Outcome.MOVED: 1, "conflict": 7}
    everything_adds_up(office)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("ids", "others"), [("one id", Outcome.EXISTS), ("an id each", "conflict")])
def test_of_eight_who_enter_the_same_paper_at_once_one_moves_the_cash(ids: str, others: object):
    office = make_post_office()
    made = [office.id() for _ in range(8)]

    def enter(writer: int) -> Outcome:
        portion = Portion(made[0] if ids == "one id" else made[writer], office.stage, 5_000_000)
        return actions.move(
            kind=Kind.SUPPLY,
            portions=[portion],
            branch=office.branch,
            reference="K-1",
            given_by="rina",
            taken_by="siti",
            at=office.noon,
        )[0]

    assert at_once(8, enter) == {Outcome.MOVED: 1, others: 7}
    everything_adds_up(office)


@pytest.mark.django_db(transaction=True)
def test_two_branches_and_headquarters_move_cash_back_and_forth_without_a_ring():
    office = make_post_office()
    ids = [[office.id() for _ in range(40)] for _ in range(6)]

    def work(writer: int) -> str:
        branch = (office.branch, office.neighbour)[writer % 2]
        for n, id_ in enumerate(ids[writer]):
            kind = Kind.SUPPLY if (n + writer) % 3 else Kind.RETURN
            portion = Portion(id_, office.stage, n + 1)
            actions.move(
                kind=kind,
                portions=[portion],
                branch=branch,
                reference=f"{writer}-{n}",
                given_by="a",
                taken_by="b",
                at=office.noon,
            )
        return "done"

    assert at_once(6, work) == {"done": 6}
    assert len(actions.movements(limit=1000)) == 240
    everything_adds_up(office)
