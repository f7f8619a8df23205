import re
from pathlib import Path

from django.db import migrations

from salur.lib.migrations import sql_file

# Back: the functions as they were, and the tally without the column; what lies in it is added up over the kabupaten.
BEFORE = re.findall(
    r"CREATE FUNCTION .*?END \$\$;", Path(__file__).with_name("0002_tally.sql").read_text(encoding="utf-8"), re.DOTALL
)
BACK = Path(__file__).with_name("0003_kabupaten_back.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0002_tally")]
    operations = [
        sql_file(
            __file__,
            "0003_kabupaten.sql",
            reverse="\n".join(function.replace("CREATE", "CREATE OR REPLACE", 1) for function in BEFORE) + BACK,
        )
    ]
