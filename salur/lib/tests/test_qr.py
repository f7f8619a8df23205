"""The codes on letters."""

from uuid import UUID

import numpy as np
import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from salur.lib.letter_code import letter_payload
from salur.lib.qr import ALPHANUMERIC, LONGEST, MASK, drawings, matrices


def by_segno(payload: str):
    code = segno.make(payload, version=3, error="m", mask=MASK, boost_error=False, micro=False, mode="alphanumeric")
    return np.array([list(row) for row in code.matrix], dtype=np.uint8)


def ends_on_a_byte(signs: int) -> bool:
    """Whether the terminator fills its byte: segno then adds a byte of zeros, which no reader minds and the standard does not ask for."""
    return (4 + 9 + 11 * (signs // 2) + 6 * (signs % 2) + 4) % 8 == 0


@given(
    st.integers(1, LONGEST)
    .filter(lambda n: not ends_on_a_byte(n))
    .flatmap(lambda n: st.lists(st.text(ALPHANUMERIC, min_size=n, max_size=n), min_size=1, max_size=4))
)
def test_every_module_is_as_the_reference_encoder_has_it(payloads):
    for made, payload in zip(matrices(payloads), payloads, strict=True):
        assert np.array_equal(made, by_segno(payload)), payload


def test_a_letters_code_is_the_reference_encoders():
    payloads = [letter_payload(UUID(int=n * 7919), 600_000, b"key") for n in range(50)]
    for made, payload in zip(matrices(payloads), payloads, strict=True):
        assert np.array_equal(made, by_segno(payload))


def test_the_drawing_covers_exactly_the_black_modules():
    payload = letter_payload(UUID(int=5), 600_000, b"key")
    (drawing,) = drawings([payload])
    drawn = np.zeros((37, 37), dtype=np.uint8)
    for stroke in drawing["path"].split("M")[1:]:
        place, length = stroke.split("h")
        x, y = place.split(" ")
        drawn[int(float(y)), int(x) : int(x) + int(length)] += 1
    assert np.array_equal(drawn, np.pad(by_segno(payload), 4))


def test_payloads_of_different_lengths_or_other_signs_are_refused():
    with pytest.raises(ValueError):
        matrices(["A", "AB"])
    with pytest.raises(ValueError):
        matrices(["kecil"])
    with pytest.raises(ValueError):
        matrices(["A" * (LONGEST + 1)])
    assert matrices([]).shape == (0, 29, 29)
