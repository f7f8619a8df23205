"""One family: found by NIK, by the code or number on its letter, by name; and all that is known of it on one page.

Read ``actions.py: find``, which tells what a person typed by its shape, then ``look``. What was typed is never in an address: a search is
posted. Everything is narrowed to the viewer's branches; what lies outside them is not there.
"""
