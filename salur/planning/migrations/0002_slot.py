from django.db import migrations

from salur.lib.migrations import sql_file


class Migration(migrations.Migration):
    dependencies = [("planning", "0001_planning"), ("programmes", "0001_initial")]
    operations = [sql_file(__file__, "0002_slot.sql", reverse="DROP TABLE planning_slot;")]
