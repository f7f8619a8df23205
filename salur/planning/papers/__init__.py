"""The papers of a plan: invitations, danom sheets, attendance lists, team sheets, letters to the authorities.

``rules.py`` turns families and their slots into what a template prints (pure); the templates are the ``.typ`` files beside it; ``actions.py`` reads
the plan and writes the files; ``commands.py``, ``jobs.py`` and ``views.py`` are the doors.
"""
