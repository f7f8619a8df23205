"""Families, and the numbers that must be protected.

A **family** is one named recipient with a NIK and a family card number. Both numbers are stored sealed (AES-SIV), found by a keyed hash and
shown masked. The keyed hash of the NIK *is* the family's id: the same family in every stage, one index, and no number in clear.

Read ``rules.py`` (seal, hash, mask), then ``actions.py``.
"""
