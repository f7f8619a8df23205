from django.db import migrations

from salur.lib.migrations import sql_file


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [sql_file(__file__, "0001_registry.sql", reverse="DROP TABLE registry_family;")]
