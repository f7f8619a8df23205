"""Whatever somebody does to one row of the trail is seen, and the row is named."""

import re
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from salur.audit import actions
from salur.audit.commands import audit
from salur.audit.rules import BEGINNING, Entry, day_of, digest, plain_facts
from salur.lib.rights import as_owner

NOON = datetime(2022, 3, 12, 5, 0, tzinfo=UTC)


def act(number: int, *, branch: int = 7, at: datetime | None = None) -> int:
    return actions.record(
        actor=f"user{number}",
        verb="handed_over",
        subject=f"float/{number}",
        facts={"amount_rp": 600_000 * number, "to": "Siti", "at": NOON},
        at=at or NOON + timedelta(minutes=number),
        branch=branch,
    )


@pytest.fixture
def trail(db: None) -> None:
    """Six entries of branch 7 on two days, three of branch 8, one of the nation."""
    for number in range(1, 5):
        act(number)
    act(5, at=NOON + timedelta(days=1))
    act(6, at=NOON + timedelta(days=1, minutes=5))
    for number in range(1, 4):
        act(number, branch=8)
    act(1, branch=actions.NATION)


def do(statement: str, *values: object) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount > 0, "the tampering itself must have happened"


def complaints() -> str:
    found = actions.verify()
    assert found.broken == len(found.examples)
    return "\n".join(found.examples)


@pytest.mark.usefixtures("trail")
def test_an_untouched_trail_is_whole():
    found = actions.verify()
    assert (found.ok, found.checked, found.broken) == (True, 10, 0)


@pytest.mark.usefixtures("trail")
def test_numbers_run_on_through_days_and_each_branch_counts_for_itself():
    assert [(row.branch, row.number) for row in actions.entries(branch=7)] == [(7, n) for n in (6, 5, 4, 3, 2, 1)]
    assert actions.entries(branch=7, day=date(2022, 3, 13))[0].facts == {
        "amount_rp": 3_600_000,
        "to": "Siti",
        "at": NOON.isoformat(),
    }
    assert [row.branch for row in actions.entries(subject="float/1")] == [0, 7, 8]


COLUMNS = {
    "at": "at + interval '1 microsecond'",
    "day": "day + 1",
    "actor": "actor || 'x'",
    "verb": "verb || ' '",
    "subject": "upper(subject)",
    "facts": """facts || '{"amount_rp": 1}'""",
    "digest": "sha256(digest)",
}


@pytest.mark.usefixtures("trail")
@pytest.mark.parametrize("number", range(1, 7))
@pytest.mark.parametrize("column", COLUMNS)
def test_an_edit_of_any_column_of_any_entry_is_seen_and_named(column: str, number: int):
    do(f"UPDATE audit_entry SET {column} = {COLUMNS[column]} WHERE branch = 7 AND number = %s", number)
    assert re.search(rf"branch 7: entry {number}\b", complaints())


@pytest.mark.usefixtures("trail")
@pytest.mark.parametrize("number", range(1, 7))
def test_a_deleted_entry_is_seen_and_named(number: int):
    do("DELETE FROM audit_entry WHERE branch = 7 AND number = %s", number)
    assert f"branch 7: entry {number} is missing" in complaints()


@pytest.mark.usefixtures("trail")
@pytest.mark.parametrize("number", range(2, 7))
def test_a_deleted_entry_is_seen_even_when_the_later_ones_move_up(number: int):
    do("DELETE FROM audit_entry WHERE branch = 7 AND number = %s", number)
    for later in range(number + 1, 7):
        do("UPDATE audit_entry SET number = number - 1 WHERE branch = 7 AND number = %s", later)
    found = complaints()
    assert f"entry {number} " in found
    assert "entry 6 is missing" in found


@pytest.mark.usefixtures("trail")
@pytest.mark.parametrize("before", range(1, 8))
def test_an_entry_put_in_anywhere_is_seen_and_named(before: int):
    for later in range(6, before - 1, -1):
        do("UPDATE audit_entry SET number = number + 1 WHERE branch = 7 AND number = %s", later)
    do(
        "INSERT INTO audit_entry SELECT 7, %s, day, at, 'ghost', verb, subject, facts, digest FROM audit_entry WHERE branch = 8 AND number = 3",
        before,
    )
    found = complaints()
    assert "ghost" in found or before == 7
    assert "entry 7 was added" in found


@pytest.mark.usefixtures("trail")
@pytest.mark.parametrize("first", range(1, 6))
@pytest.mark.parametrize("with_digests", [True, False])
def test_two_swapped_entries_are_seen_and_named(first: int, with_digests: bool):
    kept = "" if with_digests else ", digest = b.digest"
    do(
        f"""UPDATE audit_entry AS a SET actor = b.actor, verb = b.verb, subject = b.subject, facts = b.facts, at = b.at, day = b.day{kept}
        FROM audit_entry AS b
        WHERE a.branch = 7 AND b.branch = 7 AND (a.number, b.number) IN ((%s, %s), (%s, %s))""",
        first, first + 1, first + 1, first,
    )  # fmt: skip
    found = complaints()
    assert f"entry {first} " in found
    assert f"entry {first + 1} " in found


@pytest.mark.usefixtures("trail")
def test_a_forger_who_computes_digests_anew_is_stopped_by_the_seal():
    """With the database alone the whole chain can be rewritten, but not what it ends with."""
    do("UPDATE audit_entry SET facts = '{}' WHERE branch = 7 AND number = 6")
    previous, last = actions.queries.entries_after(branch=7, number=4, limit=2)
    forged = digest(bytes(previous.digest), Entry(*last[:8]))
    do("UPDATE audit_entry SET digest = %s WHERE branch = 7 AND number = 6", forged)
    assert "entry 6 is not the one that was sealed" in complaints()
    do("UPDATE audit_chain SET digest = %s WHERE branch = 7", forged)
    assert "not sealed with this installation's secret" in complaints()


@pytest.mark.usefixtures("trail")
def test_a_chain_cut_short_with_its_end_is_stopped_by_the_seal():
    do("DELETE FROM audit_entry WHERE branch = 7 AND number = 6")
    do(
        "UPDATE audit_chain SET number = 5, digest = e.digest, day = e.day FROM audit_entry AS e WHERE audit_chain.branch = 7 AND e.branch = 7 AND e.number = 5"
    )
    assert "not sealed" in complaints()


@pytest.mark.usefixtures("trail")
def test_a_chain_without_its_end_and_an_end_without_its_chain_are_seen():
    do("DELETE FROM audit_chain WHERE branch = 7")
    do("DELETE FROM audit_entry WHERE branch = 8")
    found = complaints()
    assert "branch 7: the record of where the chain ends is missing, after entry 6" in found
    assert "branch 8: entries 1 to 3 are missing" in found


@pytest.mark.usefixtures("trail")
def test_the_printed_head_shows_what_even_the_key_could_not():
    """Somebody with database and key rewrites the last entry: the chain is whole, but it is not what was printed."""
    day = date(2022, 3, 13)
    printed = actions.head(day=day).digest
    do("DELETE FROM audit_entry WHERE branch = 7 AND number = 6")
    do(
        "UPDATE audit_chain SET number = 5, digest = e.digest, day = e.day FROM audit_entry AS e WHERE audit_chain.branch = 7 AND e.branch = 7 AND e.number = 5"
    )
    with transaction.atomic():
        (end,) = actions.queries.hold_chain(branch=7)
    key = actions._key()
    do(
        "UPDATE audit_chain SET seal = %s WHERE branch = 7",
        actions.seal(key, branch=7, number=5, day=end.day, head=bytes(end.digest)),
    )
    assert actions.verify().ok
    answer = CliRunner().invoke(audit, ["verify", "--day", str(day), "--head", printed])
    assert answer.exit_code == 1
    assert f"printed was {printed}" in answer.output


@pytest.mark.usefixtures("trail")
def test_the_head_of_a_past_day_stays_when_later_days_go_on():
    before = actions.head(day=date(2022, 3, 12))
    assert [(head.branch, head.number) for head in before.chains] == [(0, 1), (7, 4), (8, 3)]
    act(7, at=NOON + timedelta(days=2))
    assert actions.head(day=date(2022, 3, 12)) == before
    assert actions.head(day=date(2022, 3, 14)).digest != before.digest


@pytest.mark.usefixtures("trail")
def test_an_act_dated_before_the_chains_last_day_joins_the_last_day():
    act(7, at=NOON - timedelta(days=3))
    (latest,) = (row for row in actions.entries(branch=7) if row.number == 7)
    assert (latest.day, latest.at) == (date(2022, 3, 13), NOON - timedelta(days=3))
    assert actions.verify().ok


@pytest.mark.usefixtures("trail")
def test_a_refused_verb_leaves_no_trace():
    with transaction.atomic():
        act(7)
        transaction.set_rollback(True)
    assert len(actions.entries(branch=7)) == 6
    assert actions.verify().ok


def test_pages_smaller_than_the_chain_change_nothing(trail, monkeypatch):
    monkeypatch.setattr(actions, "PAGE", 2)
    assert actions.verify().checked == 10
    do("DELETE FROM audit_entry WHERE branch = 7 AND number = 2")
    assert "entry 2 is missing" in complaints()


@pytest.mark.django_db(transaction=True)
def test_eight_writers_share_a_chain_without_a_gap():
    errors: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for number in range(25):
                with transaction.atomic():
                    act(writer * 100 + number)
        except Exception as error:  # noqa: BLE001 — shown below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    seen = [actions.verify() for _ in range(20)]  # a walk beside the writers is never disturbed by them
    for thread in threads:
        thread.join(timeout=60)
    assert errors == []
    assert [found.examples for found in seen if not found.ok] == []
    assert actions.verify().checked == 200


@pytest.mark.django_db
def test_an_act_needs_its_transaction_and_a_name():
    from django.db import IntegrityError

    with pytest.raises(IntegrityError, match="audit_entry_says_who_and_what"), transaction.atomic():
        actions.record(actor="", verb="paid", subject="x/1", facts={}, at=NOON)
    with pytest.raises(TypeError, match="float is no fact"):
        actions.record(actor="a", verb="paid", subject="x/1", facts={"share": 0.1}, at=NOON)


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_fact = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
)


@given(facts=st.dictionaries(_text, _fact, max_size=5))
def test_facts_come_back_from_the_database_as_they_went_in(facts, django_db_blocker, django_db_setup):
    with django_db_blocker.unblock(), transaction.atomic():
        actions.record(actor="a", verb="did", subject="x/1", facts=facts, at=NOON, branch=3)
        assert actions.entries(branch=3)[0].facts == plain_facts(facts)
        assert actions.verify(branch=3).ok
        transaction.set_rollback(True)


@given(st.lists(st.tuples(_text, _text, _text), min_size=2, max_size=2, unique=True))
def test_two_different_acts_never_have_the_same_digest(pair):
    one, other = (digest(BEGINNING, Entry(1, 1, NOON.date(), NOON, *texts, {})) for texts in pair)
    assert one != other


@pytest.mark.parametrize(
    ("at", "last", "day"),
    [
        ("2022-03-12T16:59:59+00:00", None, "2022-03-12"),
        ("2022-03-12T17:00:00+00:00", None, "2022-03-13"),
        ("2022-03-12T17:00:00+00:00", "2022-03-12", "2022-03-13"),
        ("2022-03-12T16:59:59+00:00", "2022-03-13", "2022-03-13"),
    ],
)
def test_the_day_is_jakartas_and_never_runs_back(at, last, day):
    assert day_of(datetime.fromisoformat(at), not_before=last and date.fromisoformat(last)) == date.fromisoformat(day)


@pytest.mark.usefixtures("trail")
def test_the_command_line_lists_verifies_and_prints_the_head():
    run = CliRunner()
    listed = run.invoke(audit, ["list", "--branch", "8", "--json"])
    assert listed.exit_code == 0
    assert listed.output.count('"handed_over"') == 3
    whole = run.invoke(audit, ["verify"])
    assert (whole.exit_code, whole.output) == (0, "The trail is whole: 10 entries checked.\n")
    head = run.invoke(audit, ["head", "--day", "2022-03-13"])
    printed = head.output.splitlines()[0].split("  ")[1]
    assert run.invoke(audit, ["verify", "--day", "2022-03-13", "--head", printed]).exit_code == 0
    do("UPDATE audit_entry SET actor = 'x' WHERE branch = 8 AND number = 2")
    assert run.invoke(audit, ["verify"]).exit_code == 1
    assert run.invoke(audit, ["verify", "--day", "13 Maret"]).exit_code == 2
