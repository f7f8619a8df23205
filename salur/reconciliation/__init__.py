"""The last days of a stage: sweep, freeze, close, return the money, and prove that list, payments and cash agree.

A **window** closes at its area's deadline, unless a **decision** with a document extends, freezes or reopens it. A **closing** of an office
or area gives every entitlement that is not paid its **ending**: returned, held or in dispute; paid ones end in their payment. What a
village's entitlements came to is a **line**; what a branch's money came to is in the ledger. A **statement** puts both together: its
difference is zero, or somebody has to explain it.

Read ``rules.py`` (endings in their order), ``queries.sql: close_branch``, then ``actions.py``; ``sweep.py`` (who is chased, and how), ``bank.py``
(what the bank says), ``dossier.py`` (for auditors) and ``checker.py`` (verifies a dossier without this system). ``papers/`` prints what is
signed; ``views.py`` is `/buku/<stage>/`, all of it on the screen.
"""
