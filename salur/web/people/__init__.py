"""Who works here: invited by a superior, for an office, until a day.

An *invitation* is a link that a superior hands over; who opens it within seven days chooses a password and is in, with the role the superior
gave. A person hired for a time has a last day, after which nothing opens. Read ``rules.py`` (who may invite whom), ``actions.py`` (the verbs).
"""
