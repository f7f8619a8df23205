from django.db import migrations

from salur.lib.migrations import sql_file


class Migration(migrations.Migration):
    dependencies = [("registry", "0003_state")]
    operations = [sql_file(__file__, "0004_names.sql", reverse="DROP INDEX registry_family_name;")]
