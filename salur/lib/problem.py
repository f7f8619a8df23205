"""A refused request: one clear sentence, and nothing changed.

There are three kinds of failure in this house. An item of a batch gets an *outcome* (see ``payments/rules.py``). A request as a
whole is refused with a ``Problem``. Everything else is a bug and must surface as one.
"""


class Problem(Exception):
    """What is wrong, where, and what to do, in one sentence for the person who asked.

    Subclasses are defined beside the verb that refuses; their ``code`` is stable and is what programs look at.
    """

    code = "refused"
    status = 400

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts


class NotFound(Problem):
    code = "not_found"
    status = 404


class Conflict(Problem):
    code = "conflict"
    status = 409
