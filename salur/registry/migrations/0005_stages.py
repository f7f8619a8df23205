from pathlib import Path

from django.db import migrations, models

from salur.lib.migrations import sql_file

BACK = Path(__file__).with_name("0005_stages_back.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("registry", "0004_names")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[sql_file(__file__, "0005_stages.sql", reverse=BACK)],
            state_operations=[
                migrations.AddField("Family", "stage", models.IntegerField(default=0), preserve_default=False),
            ],
        )
    ]
