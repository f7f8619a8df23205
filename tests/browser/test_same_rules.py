"""A rule that is written in two languages says the same in both: what a phone decides without signal, the house decides again."""

import hashlib
import random
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints
from uuid import UUID

import pytest
from django.db import connection

from salur.field import rules, wire
from salur.lib.indonesian import terbilang
from salur.lib.letter_code import code_of, hash_range, letter_code

APP = Path(rules.__file__).parent / "static" / "lapangan"
some = random.Random(7)
IDS = [UUID(int=some.getrandbits(128)) for _ in range(300)]


def reasons_of_the_app(source: str) -> list[str]:
    (listed,) = re.findall(r"^const REASONS = .*?\(\[(.*?)\]\)", source, re.MULTILINE)
    return re.findall(r'"(\w+)"', listed)


def test_a_visit_fails_for_the_same_reasons_on_the_phone_the_wire_and_in_the_house() -> None:
    app = reasons_of_the_app((APP / "screens.js").read_text(encoding="utf-8"))
    assert app == list(rules.REASON)
    (said,) = [get_args(hint) for name, hint in get_type_hints(wire.Unpaid).items() if name == "reason"]
    assert set(said) == set(app)
    spoken = (APP / "messages.js").read_text(encoding="utf-8")
    assert all(re.search(rf"^\s+{reason}: \[", spoken, re.MULTILINE) for reason in app), (
        "a reason without words on the phone"
    )


def test_a_reason_that_only_the_phone_knows_is_found() -> None:
    changed = (APP / "screens.js").read_text(encoding="utf-8").replace('"MENOLAK"', '"MENOLAK", "HUJAN"')
    assert reasons_of_the_app(changed) != list(rules.REASON)


def test_the_index_that_finds_a_code_is_by_the_hash_that_makes_it(db: None) -> None:
    with connection.cursor() as cursor:
        for id in IDS[:50]:
            cursor.execute("SELECT substr(sha256(uuid_send(%s)), 1, 5)", [id])
            (kept,) = cursor.fetchone()
            first, last = hash_range(letter_code(id))
            assert first <= bytes(kept) == hashlib.sha256(id.bytes).digest()[:5] <= last


@pytest.mark.browser
def test_codes_and_amounts_in_words_are_the_same_on_the_phone(visit: Any) -> None:
    window = visit("", phone=True)
    window.go("/lapangan/")
    amounts = [*range(2_100), *(some.randrange(10**n) for n in range(4, 10) for _ in range(40))]
    typed = [letter_code(id) for id in IDS[:50]]
    typed += [
        code[:n] + some.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") + code[n + 1 :] for code in typed for n in range(8)
    ]
    codes, words, sound = window.page.evaluate(
        """async ([ids, amounts, typed]) => {
            const worklist = await import("/lapangan/worklist.js"), format = await import("/lapangan/format.js");
            return [
                await Promise.all(ids.map((id) => worklist.letterCode(id))),
                amounts.map((amount) => format.words(amount)),
                typed.map((code) => worklist.codeIsSound(worklist.plainCode(code))),
            ];
        }""",
        [[str(id) for id in IDS], amounts, typed],
    )
    assert codes == [letter_code(id) for id in IDS]
    assert words == [f"{terbilang(amount)} rupiah" for amount in amounts]
    assert sound == [code_of(code) != "" for code in typed]
