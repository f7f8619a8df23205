"""A family's own check: with the code on its letter, or NIK and birth date, it learns what it is owed, where, when, and whether it was paid.

The only part of the boards that strangers may ask. It names nobody and shows no number; whatever does not fit has one answer.
"""
