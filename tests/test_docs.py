"""What the documents promise is there: links lead somewhere, settings and tables are named."""

import re
import runpy
from pathlib import Path

import pytest
from django.db import connection

from salur.lib.stage_tables import stage_tables

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def test_the_page_of_figures_is_what_was_measured() -> None:
    drawn = runpy.run_path(str(ROOT / "tools" / "figures.py"))["page"]()
    assert (ROOT / "docs" / "figures.md").read_text(encoding="utf-8") == drawn, (
        "run `python tools/figures.py` and commit docs/figures.md"
    )


def test_every_setting_is_told_to_the_operator() -> None:
    found = {
        name
        for file in (ROOT / "salur").rglob("*.py")
        if "tests" not in file.parts and file.name != "testing.py"
        for name in re.findall(
            r"environ(?:\.get\(|\[|\.setdefault\()\s*\"(SALUR_[A-Z_]+)\"", file.read_text(encoding="utf-8")
        )
    }
    told = set(re.findall(r"SALUR_[A-Z_]+", (ROOT / "docs" / "running.md").read_text(encoding="utf-8")))
    assert found <= told, f"docs/running.md does not tell {sorted(found - told)}"


def test_every_hot_table_can_be_distributed_by_branch_and_the_operator_is_told_how(db: None) -> None:
    told = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    with connection.cursor() as cursor:
        for table in stage_tables():
            cursor.execute(
                """SELECT i.indexrelid::regclass::text FROM pg_index AS i
                WHERE i.indrelid = %s::regclass AND i.indisunique AND NOT EXISTS (
                    SELECT FROM pg_attribute AS a
                    WHERE a.attrelid = i.indrelid AND a.attname = 'branch' AND a.attnum = ANY (i.indkey))""",
                [table],
            )
            assert cursor.fetchall() == [], f"a unique key of {table} is without its branch"
            cursor.execute(
                """SELECT c.conname FROM pg_constraint AS c
                WHERE c.contype = 'f' AND c.conrelid = %s::regclass AND c.confrelid::regclass::text = ANY (%s) AND NOT EXISTS (
                    SELECT FROM pg_attribute AS a
                    WHERE a.attrelid = c.conrelid AND a.attname = 'branch' AND a.attnum = ANY (c.conkey))""",
                [table, sorted(stage_tables())],
            )
            assert cursor.fetchall() == [], f"a foreign key of {table} to another hot table is without its branch"
            assert f"'{table}'" in told, f"docs/scale.md does not distribute {table}"
