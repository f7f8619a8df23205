from pathlib import Path

from django.db import migrations

from salur.lib.migrations import sql_file

BACK = Path(__file__).with_name("0005_families_back.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("danom", "0004_code"), ("registry", "0005_stages")]
    operations = [sql_file(__file__, "0005_families.sql", reverse=BACK)]
