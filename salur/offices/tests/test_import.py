"""The tree of offices through the command line: who serves which village, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salur.areas.commands import areas
from salur.offices import actions
from salur.offices.commands import offices
from salur.offices.models import Coverage, Office, Officer, ServiceArea

REGISTER = """kode,nama,level
35,Jawa Timur,1
35.11,Kab. Bondowoso,2
35.11.01,Maesan,3
35.11.01.2001,Sucolor,4
35.11.01.2002,Sumberpakem,4
35.11.02,Grujugan,3
35.11.02.2001,Wanisodo,4
35.12,Kab. Situbondo,2
35.12.01,Jatibanteng,3
35.12.01.2001,Curahsuri,4
52,Nusa Tenggara Barat,1
52.03,Kab. Lombok Timur,2
52.03.01,Keruak,3
52.03.01.2001,Sepit,4
"""
OFFICES = """code,name,kind,parent,areas
HQ,Kantor Pusat,HQ,,
REG-5,Regional V,REGION,HQ,
KC-BDW,Bondowoso,KC,REG-5,35.11
KC-SIT,Situbondo,KC,REG-5,35.12 35.11.02
KCP-MSN,Maesan,KCP,KC-BDW,35.11.01.2001
"""
SUCOLOR, SUMBERPAKEM, WANISODO, CURAHSURI, SEPIT = 3511012001, 3511012002, 3511022001, 3512012001, 5203012001


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(content: str) -> Path:
        path = tmp_path / "file.csv"
        path.write_text(content)
        return path

    return write


@pytest.fixture(autouse=True)
def register(typed: Any, write: Any) -> None:
    assert typed(areas, "import", write(REGISTER), "--vintage", "2022-02").code == 0


def served_by() -> dict[int, tuple[str, str]]:
    """Village → (branch, office)."""
    return {row[0]: row[1:] for row in Coverage.objects.values_list("village", "branch__code", "office__code")}


def everything() -> list[Any]:
    return [
        list(Office.objects.order_by("code").values_list("code", "name", "kind", "parent__code", "timezone")),
        list(ServiceArea.objects.order_by("area_id").values_list("area_id", "office__code")),
        served_by(),
        list(Officer.objects.order_by("branch", "code").values_list()),
    ]


def test_offices_are_imported_and_the_deepest_area_decides_who_serves_a_village(typed: Any, write: Any) -> None:
    found = typed(offices, "import", write(OFFICES))
    assert found.code == 0
    assert (found.data["offices"], found.data["service_areas"], found.data["uncovered_areas"]) == (5, 4, 1)
    assert served_by() == {
        SUCOLOR: ("KC-BDW", "KCP-MSN"),
        SUMBERPAKEM: ("KC-BDW", "KC-BDW"),
        WANISODO: ("KC-SIT", "KC-SIT"),
        CURAHSURI: ("KC-SIT", "KC-SIT"),
    }


def test_the_same_offices_again_change_nothing_and_say_so(typed: Any, write: Any) -> None:
    typed(offices, "import", write(OFFICES))
    before = everything()
    again = typed(offices, "import", write(OFFICES))
    assert (again.code, again.data["nothing_new"], again.data["villages_moved"]) == (0, True, 0)
    assert everything() == before


def test_children_may_stand_before_their_parents_in_the_file(typed: Any, write: Any) -> None:
    header, *lines = OFFICES.splitlines()
    assert typed(offices, "import", write("\n".join([header, *reversed(lines)]))).code == 0
    before = everything()
    assert typed(offices, "import", write(OFFICES)).data["nothing_new"]
    assert everything() == before


def test_an_area_changes_hands_within_one_file(typed: Any, write: Any) -> None:
    typed(offices, "import", write(OFFICES))
    moved = OFFICES.replace("KC-BDW,Bondowoso,KC,REG-5,35.11", "KC-BDW,Bondowoso,KC,REG-5,35.12")
    moved = moved.replace("35.12 35.11.02", "35.11")
    found = typed(offices, "import", write(moved))
    assert (found.code, found.data["villages_moved"]) == (0, 2)
    assert served_by() == {
        SUCOLOR: ("KC-BDW", "KCP-MSN"),
        SUMBERPAKEM: ("KC-SIT", "KC-SIT"),
        WANISODO: ("KC-SIT", "KC-SIT"),
        CURAHSURI: ("KC-BDW", "KC-BDW"),
    }


def test_an_office_that_gives_up_its_areas_leaves_their_villages_without_office(typed: Any, write: Any) -> None:
    typed(offices, "import", write(OFFICES))
    found = typed(offices, "import", write("code,name,kind,parent,areas\nKC-SIT,Situbondo,KC,REG-5,\n"))
    assert (found.data["villages_moved"], found.data["uncovered_areas"]) == (2, 2)
    assert served_by()[WANISODO] == ("KC-BDW", "KC-BDW")
    assert CURAHSURI not in served_by()


def test_offices_that_a_file_does_not_name_stay_as_they_are(typed: Any, write: Any) -> None:
    typed(offices, "import", write(OFFICES))
    before = served_by()
    typed(offices, "import", write("code,name,kind,parent,areas\nKC-SLG,Selong,KC,REG-5,52.03\n"))
    assert served_by() == {**before, SEPIT: ("KC-SLG", "KC-SLG")}


def test_a_new_village_of_the_register_is_served_at_once(typed: Any, write: Any) -> None:
    typed(offices, "import", write(OFFICES))
    newer = REGISTER + "35.11.02.2002,Wanisodo Lor,4\n"
    assert typed(areas, "import", write(newer), "--vintage", "2025-06").code == 0
    assert served_by()[3511022002] == ("KC-SIT", "KC-SIT")


def test_a_retired_village_is_still_served_but_no_longer_counted(typed: Any, write: Any) -> None:
    typed(offices, "import", write(OFFICES))
    newer = REGISTER.replace("35.11.01.2002,Sumberpakem,4\n", "")
    typed(areas, "import", write(newer), "--vintage", "2025-06")
    assert served_by()[SUMBERPAKEM] == ("KC-BDW", "KC-BDW")
    assert typed(offices, "coverage").data["villages"] == 4


def test_the_clock_of_an_office_is_that_of_its_areas(typed: Any, write: Any) -> None:
    extra = (
        "KCU-MTR,Mataram,KCU,REG-5,52\nKCP-SLG,Selong,KCP,KCU-MTR,\nREG-9,Regional IX,REGION,HQ,\nKCU-X,X,KCU,REG-9,\n"
    )
    typed(offices, "import", write(OFFICES + extra))
    zones = dict(Office.objects.values_list("code", "timezone"))
    assert (zones["HQ"], zones["KC-BDW"], zones["KCU-MTR"]) == ("Asia/Jakarta", "Asia/Jakarta", "Asia/Makassar")
    assert zones["KCP-SLG"] == "Asia/Makassar"  # no areas of its own: its parent's
    assert zones["REG-5"] == "Asia/Jakarta"  # most of the areas below it
    assert zones["REG-9"] == "Asia/Jakarta"  # nothing below it has areas: headquarters'


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("code,name,kind", "code,nama,kind", "file.csv line 1: the column name is missing"),
        ("KC-SIT,Situbondo", "KC SIT,Situbondo", "file.csv line 5: code “KC SIT” must be letters"),
        ("KC-SIT,Situbondo", "KC-BDW,Situbondo", "file.csv line 5: office KC-BDW stands on line 4 already"),
        ("KC-SIT,Situbondo", "KC-SIT,", "file.csv line 5: name of KC-SIT is empty"),
        ("Situbondo,KC,", "Situbondo,CABANG,", "file.csv line 5: kind of KC-SIT is “CABANG”; it must be HQ, REGION, KCU, KC or KCP"),
        ("KC-SIT,Situbondo,KC,REG-5", "KC-SIT,Situbondo,KC,REG-6", "file.csv line 5: parent of KC-SIT is REG-6, an office that neither"),
        ("KCP,KC-BDW", "KCP,", "file.csv line 6: KCP-MSN is a KCP without parent"),
        ("KCP,KC-BDW", "KCP,REG-5", "file.csv line 6: KCP-MSN is a KCP and cannot stand under REG-5, a REGION: it may stand under KCU, KC or KCP"),
        ("KCP,KC-BDW", "KCP,KCP-MSN", "file.csv line 6: the offices KCP-MSN → KCP-MSN stand under each other in a circle"),
        ("REGION,HQ", "REGION,KC-BDW", "file.csv line 3: the offices REG-5 → KC-BDW → REG-5 stand under each other in a circle"),
        ("HQ,,", "HQ,,35", "file.csv line 2: HQ is a HQ and serves no areas itself"),
        ("35.12 35.11.02", "35.12 3511.02", "file.csv line 5: areas: “3511.02” is not an area code"),
        ("35.12 35.11.02", "35.12 35.13", "file.csv line 5: area 35.13 of KC-SIT is in no register imported"),
        ("35.12 35.11.02", "35.12 3511", "file.csv line 5: area 35.11 of KC-SIT is claimed by KC-BDW on line 4"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_its_line_and_nothing_changes(
    old: str, new: str, sentence: str, typed: Any, write: Any
) -> None:
    assert OFFICES.count(old) == 1
    refused = typed(offices, "import", write(OFFICES.replace(old, new)))
    assert (refused.code, refused.data) == (2, {})
    assert refused.said.startswith(sentence)
    assert refused.said.count("\n") == 1
    assert everything() == [[], [], {}, []]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "KC-NEW,New,KC,REG-5,35.12",
            "file.csv line 2: area 35.12 of KC-NEW is claimed by KC-SIT from an earlier import",
        ),
        ("KC-BDW,Bondowoso,KCP,KC-SIT,35.11", "file.csv line 2: KC-BDW keeps books as a KC and cannot become a KCP"),
        (
            "HQ,Kantor Pusat,REGION,,",
            "file.csv line 2: HQ cannot be a REGION, because REG-5, a REGION, stands under it",
        ),
        ("KC-BDW,Bondowoso,KC,KCP-MSN,35.11", "file.csv line 2: the offices KC-BDW → KCP-MSN → KC-BDW stand"),
    ],
)
def test_a_file_that_contradicts_what_is_known_is_refused(line: str, sentence: str, typed: Any, write: Any) -> None:
    typed(offices, "import", write(OFFICES))
    before = everything()
    refused = typed(offices, "import", write(f"code,name,kind,parent,areas\n{line}\n"))
    assert refused.code == 2
    assert refused.said.startswith(sentence)
    assert everything() == before


def test_a_branch_without_region_is_taken_in_and_said(typed: Any, write: Any) -> None:
    found = typed(offices, "import", write("code,name,kind,parent,areas\nKC-SIT,Situbondo,KC,,35.12\n"))
    assert found.code == 0
    assert "1 branches stand under no region: KC-SIT" in found.said


def test_coverage_names_what_has_no_office_and_what_lies_in_two_branches(typed: Any, write: Any) -> None:
    typed(offices, "import", write(OFFICES))
    found = typed(offices, "coverage")
    assert found.code == 1  # villages without office need a person
    assert (found.data["villages"], found.data["covered"], found.data["uncovered"]) == (5, 4, 1)
    assert found.data["uncovered_areas"] == [{"code": "52", "name": "Nusa Tenggara Barat", "level": 1, "villages": 1}]
    assert found.data["two_branches"] == 1
    assert found.data["split_areas"] == [
        {
            "code": "35.11.02",
            "name": "Grujugan",
            "branch": "KC-SIT",
            "instead_of": "KC-BDW",
            "within": "35.11",
            "villages": 1,
        }
    ]
    typed(offices, "import", write("code,name,kind,parent,areas\nKC-SLG,Selong,KC,REG-5,52\n"))
    whole = typed(offices, "coverage")
    assert (whole.code, whole.data["uncovered"], whole.data["uncovered_areas"]) == (0, 0, [])


def test_a_village_without_office_is_named_alone_when_its_neighbours_have_one(typed: Any, write: Any) -> None:
    typed(offices, "import", write("code,name,kind,parent,areas\nKC-BDW,B,KC,,35.11.01.2001 35.12 52\n"))
    found = typed(offices, "coverage").data["uncovered_areas"]
    assert [(row["code"], row["villages"]) for row in found] == [("35.11.01.2002", 1), ("35.11.02", 1)]


OFFICERS = """code,name,office,kind,home_area,contract_ends
JB-1,Siti,KC-BDW,employee,,
JB-2,Budi,KCP-MSN,external,35.11.01,2022-06-05
JB-1,Made,KC-SIT,external,,
"""


def test_officers_are_imported_into_the_branch_of_their_office(typed: Any, write: Any) -> None:
    typed(offices, "import", write(OFFICES))
    found = typed(offices, "officers", write(OFFICERS))
    assert (found.code, found.data["officers"], found.data["created"]) == (0, 3, 3)
    rows = Officer.objects.order_by("branch__code", "code").values_list(
        "branch__code", "code", "name", "kind", "home_area"
    )
    assert list(rows) == [
        ("KC-BDW", "JB-1", "Siti", "employee", None),
        ("KC-BDW", "JB-2", "Budi", "external", 351101),
        ("KC-SIT", "JB-1", "Made", "external", None),
    ]
    again = typed(offices, "officers", write(OFFICERS))
    assert (again.data["nothing_new"], again.data["changed"]) == (True, 0)
    married = typed(offices, "officers", write(OFFICERS.replace("Siti", "Siti Aminah")))
    assert (married.data["created"], married.data["changed"]) == (0, 1)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("Budi,KCP-MSN", "Budi,KC-XXX", "file.csv line 3: there is no office KC-XXX"),
        ("Budi,KCP-MSN", "Budi,REG-5", "file.csv line 3: REG-5 is a REGION; an officer belongs to a KCU, KC or KCP"),
        (
            "external,35.11.01",
            "PHL,35.11.01",
            "file.csv line 3: kind of JB-2 is “PHL”; it must be employee or external",
        ),
        ("external,35.11.01", "external,35.19", "file.csv line 3: home_area 35.19 is in no register imported"),
        ("external,35.11.01", "external,35.11 35.12", "file.csv line 3: home_area of JB-2 must be one area code"),
        ("2022-06-05", "05/06/2022", "file.csv line 3: contract_ends is “05/06/2022”"),
        ("JB-2,Budi", "JB-1,Budi", "file.csv line 3: officer JB-1 of KC-BDW stands on line 2 already"),
        ("JB-2,Budi", "JB-2,", "file.csv line 3: name of JB-2 is empty"),
    ],
)
def test_broken_officers_are_refused_with_their_line(old: str, new: str, sentence: str, typed: Any, write: Any) -> None:
    typed(offices, "import", write(OFFICES))
    refused = typed(offices, "officers", write(OFFICERS.replace(old, new)))
    assert refused.code == 2
    assert refused.said.startswith(sentence)
    assert Officer.objects.count() == 0


def test_officers_of_another_channel_are_registered_by_their_code_once(typed: Any, write: Any) -> None:
    typed(offices, "import", write(OFFICES))
    typed(offices, "officers", write(OFFICERS))
    branches = actions.branches_by_code()
    assert branches["KCP-MSN"] == branches["KC-BDW"] == Office.objects.get(code="KC-BDW").id
    assert "REG-5" not in branches
    bdw, sit = branches["KC-BDW"], branches["KC-SIT"]
    asked = {(bdw, "JB-1"), (bdw, "JB-9"), (sit, "JB-9")}
    ids = actions.register_officers(codes=asked)
    assert set(ids) == asked
    assert ids[bdw, "JB-1"] == Officer.objects.get(branch=bdw, code="JB-1").id
    assert actions.register_officers(codes=asked) == ids
    assert Officer.objects.count() == 5
    assert actions.register_officers(codes=[]) == {}
