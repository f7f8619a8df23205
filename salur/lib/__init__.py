"""Leaves: small parts that know nothing of the house above them.

Read ``problem`` (how a request is refused), ``sql`` (how a statement is written and called), ``stage_tables`` (how hot tables
are cut by stage), ``command`` (how a command line verb answers); the rest explains itself.
"""
