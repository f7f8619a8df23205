"""A house's geotag is a record of its own: the first one counts, a better one is a revision."""

from datetime import timedelta
from uuid import UUID

from salur.evidence import actions
from salur.evidence.rules import Geotag, Outcome
from salur.lib.sql import server_cursor


def geotag(office, number=0, **facts) -> Geotag:
    given = {
        "id": facts.pop("id", None) or office.id(),
        "entitlement": office.entitlements[number],
        "officer": office.officers[0],
        "lat_e7": -79_100_000,
        "lon_e7": 1_138_200_000,
        "accuracy_dm": 85,
        "taken_at": office.noon,
        "photo_sha256": bytes(32),
    }
    return Geotag(**{**given, **facts})


def record(office, *geotags) -> list[Outcome]:
    at = office.noon + timedelta(hours=2)
    return actions.record_geotags(stage=office.stage, branch=office.branch, geotags=geotags, at=at)


def tallied() -> int:
    with server_cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(geotagged), 0) FROM evidence_tally")
        return cursor.fetchone()[0]


def test_the_first_geotag_of_a_house_counts(office):
    assert record(office, geotag(office), geotag(office, 1)) == [Outcome.CREATED] * 2
    assert tallied() == 2
    assert all(check.ok for check in actions.recount(stage=office.stage))


def test_a_better_geotag_is_a_revision_and_does_not_count_again(office):
    assert record(office, geotag(office)) == [Outcome.CREATED]
    assert record(office, geotag(office, accuracy_dm=20), geotag(office, accuracy_dm=10)) == [Outcome.CREATED] * 2
    with server_cursor() as cursor:
        cursor.execute("SELECT revision, accuracy_dm FROM evidence_geotag ORDER BY revision")
        assert cursor.fetchall() == [(0, 85), (1, 20), (2, 10)]
    assert tallied() == 1


def test_outcomes_in_order(office):
    known = geotag(office)
    record(office, known)
    assert record(office, known) == [Outcome.EXISTS]
    assert record(office, known._replace(lat_e7=1)) == [Outcome.EXISTS_WITH_DIFFERENT_FACTS]
    assert record(office, known._replace(photo_sha256=None)) == [Outcome.EXISTS_WITH_DIFFERENT_FACTS]
    assert record(office, geotag(office, entitlement=UUID(int=99))) == [Outcome.UNKNOWN_ENTITLEMENT]
    assert record(office, geotag(office, 1, taken_at=office.noon + timedelta(hours=3))) == [Outcome.TAKEN_IN_FUTURE]
    assert record(office) == []


def test_a_geotag_without_photo_or_accuracy_is_a_geotag(office):
    assert record(office, geotag(office, photo_sha256=None, accuracy_dm=None)) == [Outcome.CREATED]
