"""Cash on its way: from the ministry to headquarters, to a branch's vault, to an officer's float, and back.

A **movement** goes from one hand to another and is signed by both: at once, or offered by the one and accepted by the other. What is
accepted is in the ledger under the movement's id, in the same transaction; between headquarters and a branch in both their books. A
**count** says what cash somebody really has; what differs from the books is explained or becomes a case. Nothing here is refused because
cash is short: what happened is recorded, and a balance below zero becomes a case.

Read ``rules`` (which accounts a movement touches), ``actions`` (move, accept, decline, withdraw, count, review), ``queries.sql`` (the
recounts).
"""
