from django.db import migrations, models

from salur.lib.migrations import sql_file


class Migration(migrations.Migration):
    dependencies = [("web", "0001_initial")]

    operations = [
        sql_file(__file__, "0002_sign_in.sql", reverse="DROP TABLE web_cache"),
        migrations.AddField("membership", "demonstration", models.BooleanField(default=False)),
    ]
