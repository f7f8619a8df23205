"""The tally of monitoring is recounted from the tallies below it."""

from django.db import connection

from salur.lib.rights import as_owner
from salur.monitoring import actions


def broken(office):
    return sum(check.broken for check in actions.recount(stage=office.stage))


def test_the_recount_agrees_and_sees_what_was_tampered_with(office):
    assert broken(office) == 0
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE danom_tally SET lines = lines + 1 WHERE stage = %s AND branch = %s", [office.stage, office.branch]
        )
        cursor.execute("DELETE FROM monitoring_change")
    assert broken(office) > 0
