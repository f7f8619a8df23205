"""Something a person must look into, whoever found it: a family paid twice, cash that does not add up, a phone that was stolen.

A **case** is opened once for its kind and subject, however often it is found. It lies with a **role** at an office until a person
**decides** it with a reason; where money moves, that is neither who opened it nor whose act is looked into. What happens to a case is
rows (**events**); the money itself is moved by the folder that knows it, after the decision.

Read ``rules`` (kinds, roles, decisions, what may follow what), ``actions`` (open, assign, decide, reopen, note), ``queries.sql: open_cases``.
"""
