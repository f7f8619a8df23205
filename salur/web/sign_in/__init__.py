"""How a person gets in: password and second factor, a passkey alone, or an organisation's own sign-in; and who is kept out.

django-allauth does the protocols (WebAuthn, TOTP, recovery codes, OpenID Connect); this room says what this house wants of them.
Read ``rules.py`` (who needs a second factor), ``gate.py`` (what every request has to pass), ``adapters.py`` (guessers, secrets, strangers),
``settings.py``. The people themselves, their invitations and their leaving are in ``web/people``.
"""
