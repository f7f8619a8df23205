"""What a board shows, taken away: as a spreadsheet (XLSX), as CSV for programs, as a paper (PDF).

Nouns: an **Asked** (what, of which place, as of when, in which form), a **Sheet** (title, facts, columns, rows) made of it, and a file written of
that. A sheet of a page's length is answered at once, a larger one is a job (``salur/jobs``) that is followed at ``/pekerjaan/``.
Each leaves a trace with the number of its rows and the SHA-256 of its bytes. Read rules, actions, views.
"""
