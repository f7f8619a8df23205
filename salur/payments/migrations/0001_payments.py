from django.db import migrations

from salur.lib.migrations import sql_file


class Migration(migrations.Migration):
    initial = True
    dependencies = [("danom", "0001_danom"), ("ledger", "0001_ledger"), ("offices", "0001_initial")]
    operations = [
        sql_file(
            __file__,
            "0001_payments.sql",
            reverse="DROP TABLE payments_tally; DROP TABLE payments_failure; DROP TABLE payments_void; DROP TABLE payments_payment;",
        )
    ]
