"""The register through the command line: what comes in, what is refused, and that a repetition changes nothing."""

import gzip
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salur.areas import actions
from salur.areas.commands import areas
from salur.areas.models import Area, Entry, Successor, Vintage

REGISTER = """kode,nama,level
35,JAWA TIMUR,1
35.11,KAB. BONDOWOSO,2
35.11.01,Maesan,3
35.11.01.2001,Sucolor,4
35.11.01.2002,Sumberpakem,4
35.11.02,Grujugan,3
35.11.02.2001,Wanisodo,4
"""
# Three years later: a village renumbered into another kecamatan, one renamed, names no longer in capitals.
NEWER = """kode,nama,level
35,Jawa Timur,1
3511,Kabupaten Bondowoso,2
351101,Maesan,3
3511012001,Sucolor Lor,4
351102,Grujugan,3
3511022001,Wanisodo,4
3511022002,Sumberpakem,4
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "file.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def everything() -> list[Any]:
    """All that areas keep, as rows."""
    return [
        list(Area.objects.order_by("code").values_list()),
        sorted(Entry.objects.values_list("vintage", "code", "name")),
        sorted(Successor.objects.values_list("old_id", "new_id")),
        list(Vintage.objects.order_by("code").values_list()),
    ]


@pytest.fixture
def two_vintages(typed: Any, write: Any) -> None:
    assert typed(areas, "import", write(REGISTER), "--vintage", "2022-02").code == 0
    assert typed(areas, "import", write(NEWER), "--vintage", "2025-06", "--may-retire").code == 0


def test_a_register_is_imported_and_counted_by_level(typed: Any, write: Any) -> None:
    found = typed(areas, "import", write(REGISTER), "--vintage", "2022-02")
    assert found.code == 0
    assert found.data["areas"] == 7
    assert found.data["by_level"] == {"1": 1, "2": 1, "3": 2, "4": 3}
    assert (found.data["vintage"], found.data["created"], found.data["changed"]) == ("2022-02", 7, 0)
    assert list(Area.objects.order_by("code").values_list("code", "name", "level"))[-1] == (3511022001, "Wanisodo", 4)


def test_the_same_register_again_changes_nothing_and_says_so(typed: Any, write: Any) -> None:
    typed(areas, "import", write(REGISTER), "--vintage", "2022-02")
    before = everything()
    again = typed(areas, "import", write(REGISTER), "--vintage", "2022-02")
    assert (again.code, again.data["nothing_new"], again.data["created"]) == (0, True, 0)
    assert everything() == before


@pytest.mark.parametrize(
    "content",
    [
        REGISTER.replace(".", "").replace("KAB ", "KAB. "),
        REGISTER.replace(",", ";"),
        REGISTER.encode("utf-8-sig"),
        gzip.compress(REGISTER.encode(), mtime=0),
        "\n".join(reversed(REGISTER.splitlines()[1:])).join(["kode,nama,level\n", "\n"]),
    ],
    ids=["without dots", "semicolons", "byte order mark", "gzip", "children before parents"],
)
def test_the_form_of_the_file_does_not_matter(content: str | bytes, typed: Any, write: Any) -> None:
    typed(areas, "import", write(REGISTER), "--vintage", "2022-02")
    assert typed(areas, "import", write(content), "--vintage", "2022-02").data["nothing_new"]


def test_a_newer_register_retires_what_it_drops_and_keeps_the_names_of_each_time(two_vintages: None) -> None:
    gone = Area.objects.get(code=3511012002)
    assert (gone.first_vintage, gone.last_vintage) == ("2022-02", "2022-02")
    renamed = Area.objects.get(code=3511012001)
    assert (renamed.name, renamed.first_vintage, renamed.last_vintage) == ("Sucolor Lor", "2022-02", "2025-06")
    assert dict(Entry.objects.filter(code=3511012001).values_list("vintage", "name")) == {
        "2022-02": "Sucolor",
        "2025-06": "Sucolor Lor",
    }


def test_registers_may_come_in_any_order(typed: Any, write: Any, two_vintages: None) -> None:
    in_order = everything()[:3]
    Area.objects.all().delete()
    Entry.objects.all().delete()
    Vintage.objects.all().delete()
    typed(areas, "import", write(NEWER), "--vintage", "2025-06")
    older = typed(areas, "import", write(REGISTER), "--vintage", "2022-02")
    assert older.data["retired"] == 1
    assert everything()[:3] == in_order


def test_a_register_may_come_in_parts(typed: Any, write: Any) -> None:
    lines = REGISTER.splitlines(keepends=True)
    typed(areas, "import", write("".join(lines[:4])), "--vintage", "2022-02")
    rest = typed(areas, "import", write(lines[0] + "".join(lines[4:])), "--vintage", "2022-02")
    assert (rest.code, rest.data["areas"], rest.data["created"], rest.data["retired"]) == (0, 7, 4, 0)


def test_a_part_given_for_a_whole_newer_register_is_refused(typed: Any, write: Any) -> None:
    typed(areas, "import", write(REGISTER), "--vintage", "2022-02")
    before = everything()
    part = write("kode,nama,level\n35,Jawa Timur,1\n35.11,Kabupaten Bondowoso,2\n")
    refused = typed(areas, "import", part, "--vintage", "2025-06")
    assert refused.code == 2
    assert refused.said.startswith("file.csv lacks 5 of the 7 areas of 2022-02")
    assert everything() == before
    meant = typed(areas, "import", part, "--vintage", "2025-06", "--may-retire")
    assert (meant.code, meant.data["retired"]) == (0, 5)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("kode,nama,level", "kode,nama", "file.csv line 1: the column level is missing"),
        ("35.11.01.2001,", "35.11.1.2001,", "file.csv line 5: kode: “35.11.1.2001” is not an area code"),
        ("Sucolor,4", "Sucolor,3", "file.csv line 5: level is “3”, but 35.11.01.2001 is a desa/kelurahan"),
        ("Sucolor,4", "Sucolor,", "file.csv line 5: level is “”"),
        ("Sucolor,4", ",4", "file.csv line 5: nama of 35.11.01.2001 is empty"),
        ("35.11.01.2002", "3511012001", "file.csv line 6: 35.11.01.2001 stands on line 5 already"),
        ("35.11.02,Grujugan,3\n", "", "file.csv line 7: 35.11.02.2001 lies in 35.11.02, which neither"),
        ("Sucolor,4", "Sucolor", "file.csv line 5: it has 2 cells where the header has 3 columns"),
    ],
)
def test_a_broken_register_is_refused_with_its_line_and_nothing_changes(
    old: str, new: str, sentence: str, typed: Any, write: Any
) -> None:
    assert old in REGISTER
    refused = typed(areas, "import", write(REGISTER.replace(old, new)), "--vintage", "2022-02")
    assert (refused.code, refused.data) == (2, {})
    assert refused.said.startswith(sentence)
    assert refused.said.count("\n") == 1
    assert everything() == [[], [], [], []]


@pytest.mark.parametrize("vintage", ["2022", "2022-13", "22-02", "2022-02-14", "Feb 2022"])
def test_a_vintage_is_a_year_and_a_month(vintage: str, typed: Any, write: Any) -> None:
    refused = typed(areas, "import", write(REGISTER), "--vintage", vintage)
    assert (refused.code, Area.objects.count()) == (2, 0)
    assert "is not a vintage" in refused.said


def test_the_registers_of_2022_and_2025_are_taken_in_whole(typed: Any, shared_data: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    found = typed(areas, "import", shared_data / "wilayah/wilayah_2022.csv.gz", "--vintage", "2022-02")
    seconds = time.monotonic() - began
    assert found.data["by_level"] == {"1": 34, "2": 514, "3": 7266, "4": 83467}
    assert (found.data["areas"], found.code) == (91281, 0)
    assert seconds < 20

    newer = typed(areas, "import", shared_data / "wilayah/wilayah_2025.csv.gz", "--vintage", "2025-06")
    assert (newer.code, newer.data["areas"]) == (0, 91599)
    assert Area.objects.filter(level=4, last_vintage="2022-02").count() == 5744

    crosswalk = tmp_path / "crosswalk.csv"
    proposed = typed(areas, "propose", crosswalk)
    assert (proposed.code, proposed.data["retired_without_successor"]) == (1, 6364)
    linked = typed(areas, "crosswalk", crosswalk)
    assert linked.data["added"] == proposed.data["proposed"] > 6200
    assert linked.data["retired_without_successor"] == proposed.data["left"]
    current = actions.current_areas()
    assert current[9101] == 9301  # Merauke, of Papua, then of Papua Selatan
    assert current[9271] == 9671  # Kota Sorong
    assert current[1206112005] == 1206042034  # Sukameriah, resettled after the eruptions of Sinabung


def test_links_are_followed_over_several_decrees_and_splits_are_left_to_a_person(typed: Any, write: Any) -> None:
    head = "kode,nama,level\n35,J,1\n35.11,B,2\n35.11.01,M,3\n"
    # 2001 became 2004, which became 2005; 2002 was split; 2003 and the never valid round trip 2006 ↔ 2007 lead nowhere.
    typed(
        areas,
        "import",
        write(head + "".join(f"35.11.01.200{n},D{n},4\n" for n in (1, 2, 3, 6, 7))),
        "--vintage",
        "2020-01",
    )
    typed(areas, "import", write(head + "35.11.01.2004,D,4\n"), "--vintage", "2022-02", "--may-retire")
    typed(
        areas,
        "import",
        write(head + "".join(f"35.11.01.200{n},D{n},4\n" for n in (5, 8))),
        "--vintage",
        "2025-06",
        "--may-retire",
    )
    links = [(1, 4), (4, 5), (2, 5), (2, 8), (6, 7), (7, 6)]
    sheet = write("old,new\n" + "".join(f"35.11.01.200{old},351101200{new}\n" for old, new in links))
    assert typed(areas, "crosswalk", sheet).data["added"] == 6
    assert typed(areas, "crosswalk", sheet).data["nothing_new"]
    assert actions.current_areas() == {3511012001: 3511012005, 3511012004: 3511012005}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("35.11.01.2002,35.11.02.2009", "file.csv line 3: 35.11.02.2009 is in no vintage imported"),
        ("35.11.01.2002,35.11.02", "file.csv line 3: 35.11.01.2002 is a desa/kelurahan and 35.11.02 a kecamatan"),
        ("35.11.01.2002,3511012002", "file.csv line 3: 35.11.01.2002 cannot succeed itself"),
        ("35.11.01.2002,", "file.csv line 3: new: “” is not an area code"),
    ],
)
def test_a_broken_crosswalk_is_refused_with_its_line(
    line: str, sentence: str, typed: Any, write: Any, two_vintages: None
) -> None:
    refused = typed(areas, "crosswalk", write(f"old,new\n35.11.01.2002,35.11.02.2002\n{line}\n"))
    assert refused.code == 2
    assert refused.said.startswith(sentence)
    assert Successor.objects.count() == 0


def test_a_proposal_is_written_for_a_person_and_then_imported(typed: Any, tmp_path: Path, two_vintages: None) -> None:
    sheet = tmp_path / "crosswalk.csv"
    proposed = typed(areas, "propose", sheet)
    assert (proposed.code, proposed.data["proposed"], proposed.data["left"]) == (1, 1, 0)
    assert sheet.read_text().splitlines() == [
        "old,new,old_name,new_name,basis",
        "35.11.01.2002,35.11.02.2002,Sumberpakem,Sumberpakem,same name in the same kabupaten/kota",
    ]
    assert actions.current_areas() == {}
    assert typed(areas, "crosswalk", sheet).code == 0
    assert actions.current_areas() == {3511012002: 3511022002}
    assert typed(areas, "propose", tmp_path / "none" / "x.csv").code == 2


@pytest.mark.parametrize(
    ("verb", "content", "column", "value"),
    [
        ("centroids", "kode,nama,level,lat,lng\n35.11.01.2001,Sucolor,4,-7.913,113.821\n", "lat", -7.913),
        ("signal", "kode,online\n3511012001,0\n", "online", False),
        ("postcodes", "kode,kodepos\n35.11.01.2001,68262\n", "postal_code", "68262"),
    ],
)
def test_figures_of_an_area_are_taken_in_once(
    verb: str, content: str, column: str, value: object, typed: Any, write: Any, two_vintages: None
) -> None:
    first = typed(areas, verb, write(content))
    assert (first.code, first.data["areas"], first.data["changed"], first.data["unknown"]) == (0, 1, 1, 0)
    assert getattr(Area.objects.get(code=3511012001), column) == value
    again = typed(areas, verb, write(content))
    assert (again.code, again.data["changed"], again.data["nothing_new"]) == (0, 0, True)


@pytest.mark.parametrize(
    ("verb", "good", "unknown"),
    [
        ("centroids", "kode,lat,lng\n35.11.01.2001,-7.9,113.8", "35.99,-7.9,113.8"),
        ("signal", "kode,online\n35.11.01.2001,1", "35.99,1"),
        ("postcodes", "kode,kodepos\n35.11.01.2001,68262", "35.99,68262"),
    ],
)
def test_figures_of_unknown_areas_are_left_out_and_need_a_person(
    verb: str, good: str, unknown: str, typed: Any, write: Any, two_vintages: None
) -> None:
    found = typed(areas, verb, write(f"{good}\n{unknown}\n"))
    assert (found.code, found.data["changed"], found.data["unknown"]) == (1, 1, 1)
    assert found.data["unknown_examples"] == ["35.99"]
    assert "1 lines were left out" in found.said


@pytest.mark.parametrize(
    ("verb", "content", "sentence"),
    [
        ("centroids", "kode,lat,lng\n35,113.8,-7.9\n", "file.csv line 2: lat 113.8 and lng -7.9 of 35 lie outside Indonesia"),
        ("centroids", "kode,lat,lng\n35,\"-7,9\",113.8\n", "file.csv line 2: lat “-7,9” and lng “113.8” must be degrees"),
        ("centroids", "kode,lat,lng\n35,nan,113.8\n", "file.csv line 2: lat nan"),
        ("centroids", "kode,lat,lng\n35,-7.9,113.8\n35,-7.9,113.8\n", "file.csv line 3: 35 stands on line 2 already"),
        ("signal", "kode,online\n35,yes\n", "file.csv line 2: online is “yes”; it must be 1 (signal) or 0 (none)"),
        ("signal", "kode,online\n35,1\n35,0\n", "file.csv line 3: 35 stands on line 2 already"),
        ("postcodes", "kode,kodepos\n35,6826\n", "file.csv line 2: kodepos is “6826”; it must be five digits"),
    ],
)  # fmt: skip
def test_broken_figures_are_refused_with_their_line(
    verb: str, content: str, sentence: str, typed: Any, write: Any, two_vintages: None
) -> None:
    before = everything()
    refused = typed(areas, verb, write(content))
    assert refused.code == 2
    assert refused.said.startswith(sentence)
    assert everything() == before


def test_an_area_is_found_by_name_and_by_code_with_what_became_of_it(
    typed: Any, write: Any, two_vintages: None
) -> None:
    typed(areas, "crosswalk", write("old,new\n35.11.01.2002,35.11.02.2002\n"))
    found = typed(areas, "find", "sumberPAKEM").data["areas"]
    assert [(row["code"], row["current"], row["successors"]) for row in found] == [
        ("35.11.02.2002", True, []),
        ("35.11.01.2002", False, ["35.11.02.2002"]),
    ]
    assert found[0]["within"] == "Grujugan, Kabupaten Bondowoso, Jawa Timur"
    assert [row["name"] for row in typed(areas, "find", "35.11.02").data["areas"]] == ["Grujugan"]
    assert typed(areas, "find", "100% _").data["areas"] == []
