from django.db import migrations

from salur.lib.migrations import sql_file

TRIGGERS = "".join(
    f"DROP TRIGGER monitoring_{done} ON {folder}_tally; "
    for folder in ("danom", "payments", "evidence")
    for done in ("inserted", "updated", "deleted")
)
FUNCTIONS = "".join(f"DROP FUNCTION monitoring_note_{folder}(); " for folder in ("danom", "payments", "evidence"))


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0001_initial"), ("danom", "0001_danom"), ("payments", "0001_payments"), ("evidence", "0001_evidence"),
    ]  # fmt: skip
    operations = [
        sql_file(
            __file__,
            "0002_tally.sql",
            reverse=f"{TRIGGERS}{FUNCTIONS}DROP TABLE monitoring_change; DROP TABLE monitoring_tally;",
        )
    ]
