from django.db import migrations

from salur.lib.migrations import sql_file


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_registry")]
    operations = [sql_file(__file__, "0002_keys.sql", reverse="DROP TABLE registry_key;")]
