"""An entitlement is handed over, once; and the visits that did not pay.

A **payment** is cash that reached a family: who, by whom, when, on which channel. A **void** takes a wrong payment back, with a reason
and a second person; nothing is ever deleted. A **failure** is a visit that did not pay, with its reason. The **tally** is what boards
read: how many per village and day, changed in the same statement as the facts, recounted by `salur verify`.

Read ``rules.py: Outcome`` (what can come of a payment), then ``queries.sql: record_payments`` (the one statement that judges and
writes), then ``actions.py``.
"""
