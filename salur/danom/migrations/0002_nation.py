from django.db import migrations, models

from salur.lib.migrations import sql_file

TABLES = "danom_change, danom_hold, danom_policy, danom_judgement, danom_pair, danom_mending"
REVERSE = f"""DROP TABLE {TABLES};
ALTER TABLE danom_quarantine DROP COLUMN key_version, DROP COLUMN earlier_line, DROP COLUMN mended_by;
ALTER TABLE danom_entitlement DROP COLUMN likeness;
"""


class Migration(migrations.Migration):
    dependencies = [("danom", "0001_danom"), ("registry", "0002_keys")]
    operations = [
        migrations.AddField("batch", "kind", models.TextField(db_default="list")),
        migrations.AddField("batch", "parts", models.JSONField(db_default=[])),
        migrations.AddConstraint(
            "batch",
            models.CheckConstraint(
                name="danom_batch_kind_known",
                condition=models.Q(kind__in=["list", "supplement", "correction", "withdrawal"]),
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[sql_file(__file__, "0002_nation.sql", reverse=REVERSE)],
            state_operations=[
                migrations.AddField("quarantine", "key_version", models.SmallIntegerField()),
                migrations.AddField("quarantine", "earlier_line", models.IntegerField(null=True)),
                migrations.AddField("quarantine", "mended_by", models.IntegerField(null=True)),
                migrations.AddField("entitlement", "likeness", models.BigIntegerField(null=True)),
            ],
        ),
    ]
