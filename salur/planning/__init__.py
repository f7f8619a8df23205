"""Who is paid where and when: capacity, hires, venues, readiness of local bodies, letters.

The kernel is pure (no database, no clock). **Inputs** are a window of days, what the branch has (officers, cash, escorts), its villages, and what
people decided (**Policy**). A **Plan** gives each family a **Session** at a venue, a **Round** door to door or a **Counter** day at the
post office, says whom to hire, and names every **Shortfall**. A **Roster** names the people.

Read ``rules.py`` (the nouns), ``channels.py`` (who comes to a venue), ``solve.py`` (the questions, in their order), ``model.py`` (the program
behind them), ``check.py`` (the independent judge). Then, each on its own: ``greedy.py``, ``schedule.py``, ``missing.py``, ``roster.py``,
``cash.py``, ``hand_edit.py``, ``forecast.py``.
"""
