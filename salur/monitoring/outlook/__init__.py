"""When will each branch be done? The plan-aware forecast (``salur/planning/forecast.py``) fed from what is planned, paid and not yet heard.

It stands in monitoring, because it reads payments and phones, which are above planning; on the command line it is `salur planning forecast`.
"""
