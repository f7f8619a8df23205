"""Realisation now: boards, maps, forecast, alerts.

**Realisation** is paid ÷ allocated, always with an as-of time and a danom version. Read ``queries.sql: realisation``: it adds up tallies,
never families; then ``actions.py``, which the board (``views.py``), the API and the command line call alike.
"""
