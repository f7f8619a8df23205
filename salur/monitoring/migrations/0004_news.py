from django.db import migrations

from salur.lib.migrations import sql_file


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0003_kabupaten")]
    operations = [
        sql_file(
            __file__,
            "0004_news.sql",
            reverse="ALTER TABLE monitoring_tally DROP COLUMN news; ALTER TABLE monitoring_change DROP COLUMN news;",
        )
    ]
