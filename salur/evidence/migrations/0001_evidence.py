from django.db import migrations

from salur.lib.migrations import sql_file


class Migration(migrations.Migration):
    initial = True
    dependencies = [("danom", "0001_danom"), ("offices", "0001_initial")]
    operations = [
        sql_file(__file__, "0001_evidence.sql", reverse="DROP TABLE evidence_tally; DROP TABLE evidence_geotag;")
    ]
