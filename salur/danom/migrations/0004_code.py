from django.db import migrations

from salur.lib.migrations import sql_file


class Migration(migrations.Migration):
    dependencies = [("danom", "0003_state")]
    operations = [
        sql_file(
            __file__, "0004_code.sql", reverse="DROP INDEX danom_entitlement_code; DROP INDEX danom_entitlement_number;"
        )
    ]
