from django.db import migrations

from salur.lib.migrations import sql_file


class Migration(migrations.Migration):
    dependencies = [("areas", "0001_initial"), ("offices", "0001_initial")]
    operations = [
        sql_file(
            __file__,
            "0002_coverage.sql",
            reverse="DROP TRIGGER offices_cover_villages ON areas_vintage;"
            " DROP FUNCTION offices_cover_villages_on_new_vintage(); DROP FUNCTION offices_cover_villages();",
        )
    ]
