"""The phone of the officer: enrol, take the work list along, bring the day back. Owns the wire format.

A **device** is one phone's browser profile with a key of its own, enrolled once. A **lease** is the work list of one device for one day:
a family is in at most one live lease, and that — not the phone — keeps two officers apart. An **event** is what happened in the field,
signed on the phone and chained to the one before it. Events are written down before they are judged; what cannot be posted stands on
the officer's suspense account and becomes a case. Nothing authentic is ever rejected.

Read ``wire.py`` (the message, byte by byte), ``rules.py`` (chain, clock, answers), ``actions.py`` (ingest), ``posting.py`` (into the books),
``lease.py`` (devices and work lists), ``photos.py``, ``api.py``.
"""
