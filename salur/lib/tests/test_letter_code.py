"""What a letter proves."""

from uuid import UUID

from salur.lib.letter_code import ALPHABET, letter_code, letter_payload, letter_seal, letters_key

ONE, OTHER = UUID(int=1), UUID(int=2)


def test_a_seal_is_of_one_line_one_amount_and_one_house():
    seals = {
        letter_seal(line, amount_rp, key)
        for line in (ONE, OTHER)
        for amount_rp in (600_000, 500_000)
        for key in (b"ours", b"theirs")
    }
    assert len(seals) == 8
    assert all(len(seal) == 12 and set(seal) <= set(ALPHABET) for seal in seals)


def test_the_qr_holds_less_than_sixty_signs_of_its_alphanumeric_alphabet():
    payload = letter_payload(ONE, 3_900_000, letters_key())
    assert payload.startswith(f"D1.{ONE.hex.upper()}.{letter_code(ONE)}.")
    assert len(payload) == 57
    assert set(payload) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
