"""Who did what: an append-only trail, chained by hash, so that nobody can change the past without being seen.

An **entry** says who (actor) did what (verb) to what (subject), with the facts that mattered. Every branch has a **chain** of its own,
and branch 0 is the nation's, so that no chain is everybody's lock. An entry's digest covers the entry and the digest before it; the
chain's end is kept beside it, sealed with a key that is not in the database. The **head** of a day, printed on the daily report, is
what even somebody with the database and the key cannot change.

Read ``rules`` (what a digest covers), ``actions`` (record, verify, head).
"""
