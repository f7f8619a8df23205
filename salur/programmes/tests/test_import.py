"""Programmes and stages through the command line: what a file may say, what is refused, what a repetition changes."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from salur.areas.models import Area, Vintage
from salur.lib.problem import NotFound
from salur.lib.stage_tables import stage_tables
from salur.programmes import actions
from salur.programmes.commands import programmes
from salur.programmes.models import Extension, Programme, Stage
from salur.programmes.rules import needs_second_person

FILE = """[[programme]]
code = "SEMBAKO"
name = "Kartu Sembako"
proxy = "same_family"                 # none | same_family | approved
amount_ceiling_rp = 4_000_000

[[programme.stage]]
code = "SEMBAKO-2022-1"
period = "2022-01/2022-03"
opens = 2022-02-20
target_days = 14
deadline = 2022-06-05
order = "online_first"                # online_first | hard_first | travel
geotag = { counter = "follow_up", community = "follow_up", door = "at_payment" }
approval = { second_person = true }
"""
EXTENSION = """
[[programme.stage.extension]]
area = "52.03"
deadline = 2022-07-05
reason = "Surat Kemensos 12/2022"
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "file.toml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture(autouse=True)
def register(db: None) -> None:
    Vintage.objects.create(code="2022-02", imported_at="2022-02-14T00:00:00Z")
    for code, level in ((52, 1), (5203, 2), (520301, 3), (5203012001, 4), (5203012002, 4), (5204, 2)):
        Area.objects.create(code=code, name=str(code), level=level, first_vintage="2022-02", last_vintage="2022-02")


def everything() -> list[Any]:
    return [list(model.objects.order_by("pk").values_list()) for model in (Programme, Stage, Extension)]


def test_a_programme_with_a_stage_is_imported(typed: Any, write: Any) -> None:
    found = typed(programmes, "import", write(FILE))
    assert found.code == 0
    assert (found.data["programmes"], found.data["stages"]) == (1, 1)
    assert found.data["created"] == ["SEMBAKO", "SEMBAKO-2022-1"]
    stage = actions.stage_by_code("SEMBAKO-2022-1")
    assert (stage.period_from, stage.period_to) == (date(2022, 1, 1), date(2022, 3, 1))
    assert (stage.opens, stage.deadline, stage.target_days) == (date(2022, 2, 20), date(2022, 6, 5), 14)
    assert (stage.programme.code, stage.programme.amount_ceiling_rp) == ("SEMBAKO", 4_000_000)
    assert [stage.code for stage in actions.stages()] == ["SEMBAKO-2022-1"]


def test_a_new_stage_has_its_partition_of_every_hot_table(typed: Any, write: Any) -> None:
    typed(programmes, "import", write(FILE))
    stage = actions.stage_by_code("SEMBAKO-2022-1").id
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relispartition AND relname LIKE %s", [f"%\\_s{stage}"])
        made = {name for (name,) in cursor.fetchall()}
    assert made == {f"{table}_s{stage}" for table in stage_tables(loaded_beside=False)}


def test_the_same_file_again_changes_nothing_and_says_so(typed: Any, write: Any) -> None:
    typed(programmes, "import", write(FILE + EXTENSION))
    before = everything()
    again = typed(programmes, "import", write(FILE + EXTENSION))
    assert (again.code, again.data["nothing_new"], again.data["changed"], again.said) == (0, True, [], "")
    assert everything() == before


def test_what_a_file_leaves_out_has_the_usual_policies(typed: Any, write: Any) -> None:
    short = """[[programme]]
    code = "PKH"
    name = "Program Keluarga Harapan"
    amount_ceiling_rp = 4_000_000
    [[programme.stage]]
    code = "PKH-1"
    period = "2022-01"
    opens = 2022-02-20
    deadline = 2022-06-05
    """
    assert typed(programmes, "import", write(short)).code == 0
    (listed,) = typed(programmes, "list").data["programmes"]
    assert listed["proxy"] == "same_family"
    assert listed["stages"] == [
        {
            "code": "PKH-1", "period": "2022-01/2022-01", "opens": "2022-02-20", "target_days": 14, "deadline": "2022-06-05",
            "order": "online_first", "geotag": {"counter": "follow_up", "community": "follow_up", "door": "at_payment"},
            "approval": {"second_person": True, "above_lines": None, "above_rp": None}, "extensions": [],
        }
    ]  # fmt: skip


def test_a_later_deadline_is_taken_in_and_said(typed: Any, write: Any) -> None:
    typed(programmes, "import", write(FILE))
    later = FILE.replace("2022-06-05", "2022-07-05").replace('"same_family" ', '"none" ')
    found = typed(programmes, "import", write(later))
    assert found.code == 0
    assert found.data["changed"] == [
        {"programme": "SEMBAKO", "what": "proxy", "before": "same_family", "after": "none"},
        {"stage": "SEMBAKO-2022-1", "what": "deadline", "before": "2022-06-05", "after": "2022-07-05"},
    ]
    assert "stage SEMBAKO-2022-1: deadline changed from 2022-06-05 to 2022-07-05." in found.said
    assert actions.stage_by_code("SEMBAKO-2022-1").deadline == date(2022, 7, 5)


def test_a_second_stage_joins_and_the_first_stays(typed: Any, write: Any) -> None:
    typed(programmes, "import", write(FILE))
    second = FILE.replace("SEMBAKO-2022-1", "SEMBAKO-2022-2")
    assert typed(programmes, "import", write(second)).data["created"] == ["SEMBAKO-2022-2"]
    assert [stage.code for stage in actions.stages()] == ["SEMBAKO-2022-1", "SEMBAKO-2022-2"]


def test_an_area_may_have_a_later_deadline(typed: Any, write: Any) -> None:
    deeper = EXTENSION.replace("52.03", "52.03.01.2001").replace("2022-07-05", "2022-08-05")
    typed(programmes, "import", write(FILE + EXTENSION + deeper))
    stage = actions.stage_by_code("SEMBAKO-2022-1").id
    assert actions.deadlines(stage=stage, villages=[5203012001, 5203012002, 5204012001]) == {
        5203012001: date(2022, 8, 5),
        5203012002: date(2022, 7, 5),
        5204012001: date(2022, 6, 5),
    }
    changed = typed(programmes, "import", write(FILE + EXTENSION.replace("07-05", "07-15"))).data["changed"]
    assert [(row["what"], row["before"], row["after"]) for row in changed] == [
        ("deadline of 52.03", "2022-07-05", "2022-07-15"),
        ("deadline of 52.03.01.2001", "2022-08-05", None),
    ]
    assert actions.deadlines(stage=stage, villages=[5203012001]) == {5203012001: date(2022, 7, 15)}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[[programme.stage]]", "[[programme.stage]", "file.toml line 7, column 18: it is not valid TOML"),
        ("amount_ceiling_rp = 4_000_000", "amount_ceiling_rp =", "file.toml line 5, column 20: it is not valid TOML"),
        ("[[programme]]", "[programme]", "file.toml line 1: programme must be a list of tables in double brackets"),
        ("target_days = 14", "target_day = 14", "file.toml line 11: target_day is not known here; known are code, period"),
        ("door =", "dor =", "file.toml line 14: dor is not known here; known are counter, community, door."),
        ("opens = 2022-02-20\n", "", "file.toml line 7: opens is missing."),
        ("opens = 2022-02-20", "opens = 2022-02-30", "file.toml line 10"),
        ("opens = 2022-02-20", 'opens = "soon"', "file.toml line 10: opens must be a date without quotation marks, as 2022-02-20."),
        ("4_000_000", '"4000000"', "file.toml line 5: amount_ceiling_rp must be a whole number."),
        ("4_000_000", "4_000_000.5", "file.toml line 5: amount_ceiling_rp must be a whole number."),
        ("4_000_000", "0", "file.toml line 5: amount_ceiling_rp is 0; it must lie between 1 and"),
        ("second_person = true", "second_person = 1", "file.toml line 15: second_person must be true or false."),
        ("second_person = true", "above_rp = -1", "file.toml line 15: above_rp is -1; it must not be below zero"),
        ("second_person = true", "second_person = false, above_rp = 5", "file.toml line 15: thresholds for a second person"),
        ('"same_family" ', '"anyone" ', "file.toml line 4: proxy is 'anyone'; it must be one of none, same_family, approved."),
        ('"online_first" ', '"easy_first" ', "file.toml line 13: order is 'easy_first'; it must be one of online_first, hard_first"),
        ('door = "at_payment"', 'door = "later"', "file.toml line 14: door is 'later'; it must be one of at_payment, follow_up, none."),
        ("deadline = 2022-06-05", "deadline = 2022-02-19", "file.toml line 12: deadline 2022-02-19 lies before opens 2022-02-20."),
        ("2022-01/2022-03", "2022-01/2021-12", "file.toml line 9: period 2022-01/2021-12 ends before it begins."),
        ("2022-01/2022-03", "Q1 2022", "file.toml line 9: period is “Q1 2022”; write its first and last month"),
        ("target_days = 14", "target_days = 0", "file.toml line 11: target_days is 0; it must lie between 1 and 366."),
        ('"SEMBAKO-2022-1"', '"SEMBAKO 1"', "file.toml line 8: code “SEMBAKO 1” must be letters"),
        ('"Kartu Sembako"', '" "', "file.toml line 3: name is empty."),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_its_line_and_nothing_changes(
    old: str, new: str, sentence: str, typed: Any, write: Any
) -> None:
    assert FILE.count(old) == 1
    refused = typed(programmes, "import", write(FILE.replace(old, new)))
    assert (refused.code, refused.data) == (2, {})
    assert refused.said.startswith(sentence)
    assert refused.said.count("\n") == 1
    assert everything() == [[], [], []]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("52.03", "52.3", "file.toml line 18: area: “52.3” is not an area code"),
        ("52.03", "53", "file.toml line 17: area 53 is in no register imported"),
        ('"52.03"', "52.03", "file.toml line 18: area must be text in quotation marks."),
        ("2022-07-05", "2022-06-05", "file.toml line 19: deadline 2022-06-05 does not lie after the stage's deadline"),
        ("Surat Kemensos 12/2022", "", "file.toml line 20: reason is empty"),
    ],
)
def test_a_broken_extension_is_refused_with_its_line(old: str, new: str, sentence: str, typed: Any, write: Any) -> None:
    refused = typed(programmes, "import", write(FILE + EXTENSION.replace(old, new)))
    assert refused.code == 2
    assert refused.said.startswith(sentence)
    assert everything() == [[], [], []]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (FILE + FILE, "file.toml line 17: programme SEMBAKO stands on line 1 already."),
        (
            FILE + FILE.replace('"SEMBAKO"', '"PKH"'),
            "file.toml line 23: stage SEMBAKO-2022-1 stands on line 7 already.",
        ),
        (FILE + EXTENSION + EXTENSION, "file.toml line 23: area 52.03 has an extension already."),
        ("", "file.toml line 1: programme is missing."),
        (b'[[programme]]\nname = "N\xe9"\n', "file.toml line 2: byte 0xe9 is not UTF-8"),
        ("a = " + "[" * 100_000, "file.toml line 1: it is not valid TOML"),
    ],
)
def test_a_file_that_repeats_itself_or_is_none_is_refused(
    content: str | bytes, sentence: str, typed: Any, write: Any
) -> None:
    refused = typed(programmes, "import", write(content))
    assert refused.code == 2
    assert refused.said.startswith(sentence)
    assert everything() == [[], [], []]


def test_a_stage_cannot_change_its_programme(typed: Any, write: Any) -> None:
    typed(programmes, "import", write(FILE))
    before = everything()
    refused = typed(programmes, "import", write(FILE.replace('"SEMBAKO"', '"PKH"')))
    assert (refused.code, everything()) == (2, before)
    assert refused.said.startswith("file.toml line 7: stage SEMBAKO-2022-1 belongs to programme SEMBAKO")


def test_an_unknown_stage_is_not_found() -> None:
    with pytest.raises(NotFound, match="There is no stage NIX: `salur programmes list` shows"):
        actions.stage_by_code("NIX")


@pytest.mark.parametrize(
    ("second_person", "above_lines", "above_rp", "lines", "amount_rp", "needed"),
    [
        (False, None, None, 10_000, 6_000_000_000, False),
        (True, None, None, 1, 600_000, True),
        (True, 100, None, 100, 60_000_000, False),
        (True, 100, None, 101, 60_600_000, True),
        (True, None, 60_000_000, 100, 60_000_000, False),
        (True, None, 60_000_000, 5, 60_000_001, True),
        (True, 100, 60_000_000, 101, 600_000, True),
        (True, 0, None, 1, 600_000, True),
    ],
)
def test_when_a_second_person_approves_a_list(
    second_person: bool, above_lines: int | None, above_rp: int | None, lines: int, amount_rp: int, needed: bool
) -> None:
    asked = {"second_person": second_person, "above_lines": above_lines, "above_rp": above_rp}
    assert needs_second_person(**asked, lines=lines, amount_rp=amount_rp) is needed
