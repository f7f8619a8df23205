"""The papers of the books: what is signed at the venue, at the vault and when a branch is closed.

Of a day: the **report** (laporan harian, with the head of the audit chain), the **handings** of cash (serah terima uang) and the **records** of
each venue (berita acara pembayaran). Of a branch and stage: the **closing** (BAST) and each **return** of money with the list of who was not paid.

``rules.py`` turns rows into what a template prints (pure); the templates are the ``.typ`` files beside it; ``actions.py`` reads and writes.
"""
