"""docs/one-payment.md is the walk of one payment; its links lead to what they say, and the walk itself works."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\[([^\]]+)\]\(([^)#\s]+)(?:#[^)]*)?\)")


def links():
    for page in PAGES:
        for text, target in LINK.findall(page.read_text(encoding="utf-8")):
            if "://" not in target:
                yield pytest.param(page, text, target, id=f"{page.name}: {text[:40]}")


@pytest.mark.parametrize(("page", "text", "target"), list(links()))
def test_every_link_leads_to_what_it_says(page, text, target):
    file = (page.parent / target).resolve()
    assert file.exists(), f"{page.name} links to {target}, which is not there"
    if file.suffix in (".py", ".sql"):
        for noun in re.findall(r"`([A-Za-z_]+)`|`([a-z_]+) in ", text):
            name = next(filter(None, noun))
            source = file.read_text(encoding="utf-8")
            found = re.search(rf"^(def|class) {name}\b|^{name} =|^-- name: {name}$", source, re.MULTILINE)
            assert found, f"{page.name} says that {target} has {name}"


def test_the_walk_takes_three_hops_at_each_step():
    """Verb and statement carry the same noun: `record_payments` in actions.py calls `record_payments` in queries.sql."""
    for folder, noun in (
        ("payments", "record_payments"),
        ("evidence", "record_geotags"),
        ("monitoring", "realisation"),
    ):
        verbs = (ROOT / "salur" / folder / "actions.py").read_text(encoding="utf-8")
        statements = (ROOT / "salur" / folder / "queries.sql").read_text(encoding="utf-8")
        assert f"def {noun}(" in verbs
        assert re.search(rf"queries\.{noun}\(|\"{noun}\"", verbs)
        assert f"-- name: {noun}\n" in statements
