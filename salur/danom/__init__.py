"""The nominative list: who is owed what in a stage.

A **batch** is one file of the list; approved, it becomes the next **version**. Each of its lines ends accepted, accepted with a warning, or
in **quarantine** with a reason that the ministry can act on; nothing disappears. An **entitlement** is an approved line: a family, an
amount, a village, a branch. The **tally** says how many and how much per village and version: the allocation.

Read ``rules.py`` (columns and reasons), ``reading.py`` (a file becomes frames of text), ``checks.py`` (what is wrong with a line), then
``actions.py: import_batch``, ``approve_batch``.
"""
