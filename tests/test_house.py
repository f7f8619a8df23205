"""The house as docs/house.md draws it: who may open a page is said in one place, imports stand at the top, each folder is told."""

import ast
import re
from pathlib import Path

import pytest

from salur.lib.desks import Role

ROOT = Path(__file__).resolve().parents[1]
OURS = [
    path
    for path in sorted((ROOT / "salur").rglob("*.py"))
    if "tests" not in path.parts and "migrations" not in path.parts
]
FOLDERS = sorted(path.name for path in (ROOT / "salur").iterdir() if path.is_dir() and path.name != "__pycache__")


def own_desks(source: str) -> list[int]:
    """The lines where roles are put together, or the person's role is compared with a word: that is what ``lib/desks.py`` is for."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Set | ast.Tuple | ast.List):
            words = {str(part.value) for part in node.elts if isinstance(part, ast.Constant)}
            if len(words) > 1 and words <= set(Role):
                found.append(node.lineno)
        if isinstance(node, ast.Compare) and ast.unparse(node.left).endswith("viewer.role"):
            found += [node.lineno for part in node.comparators if isinstance(part, ast.Constant)]
    return found


def test_who_may_open_a_page_is_said_in_one_place() -> None:
    for path in OURS:
        if path.name != "desks.py":
            assert own_desks(path.read_text(encoding="utf-8")) == [], (
                f"{path} decides by itself: name a desk of lib/desks.py"
            )


@pytest.mark.parametrize(
    "variant", ['LOOKING = frozenset({"branch", "auditor"})', 'if viewer.role == "headquarters": pass']
)
def test_a_page_that_decides_by_itself_is_found(variant: str) -> None:
    assert own_desks(variant) == [1]


def test_every_page_that_asks_for_the_person_is_opened_by_a_desk() -> None:
    """A view with a ``viewer`` gets it from ``open_to``; one that is named in a URLconf cannot be called without."""
    for path in OURS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any("require_" in ast.unparse(by) for by in node.decorator_list):
                takes = [word.arg for word in node.args.args]
                asked = any("open_to" in ast.unparse(by) for by in node.decorator_list)
                assert asked == ("viewer" in takes), f"{path}: {node.name}"


def test_every_folder_stands_in_the_plan_and_says_what_it_is() -> None:
    plan = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    drawn = set(re.findall(r"^│   [├└]── (\w+)/", plan, re.MULTILINE))
    assert drawn == set(FOLDERS)
    for folder in FOLDERS:
        assert ast.get_docstring(ast.parse((ROOT / "salur" / folder / "__init__.py").read_text(encoding="utf-8"))), (
            folder
        )
