"""Who is paid where and when: capacity, hires, venues, readiness of local bodies, letters.

The kernel is pure (no database, no clock). **Inputs** are a window of days, what the branch has (officers, cash, escorts), its villages, and what
people decided (**Policy**). A **Plan** gives each family a **Session** at a venue, a **Round** door to door or a **Counter** day at the
post office, says whom to hire, and names every **Shortfall**. A **Roster** names the people.

Read ``rules.py`` (the nouns), ``channels.py`` (who comes to a venue), ``solve.py`` (the questions, in their order), ``model.py`` (the program
behind them), ``check.py`` (the independent judge). Then, each on its own: ``greedy.py``, ``schedule.py``, ``missing.py``, ``roster.py``,
``cash.py``, ``hand_edit.py``, ``forecast.py``.

Around it: ``settings.py`` (what a branch can say about itself, each with its default), ``coordination.py`` (bodies, letters, confirmations,
readiness), ``stored.py`` (a plan as rows and back), ``slots.py`` (each family's place and time), ``actions.py`` (the verbs).

How to read a published plan from a floor above: ``actions.published(stage=, branch=)`` is the plan that counts (or None), and
``actions.family_slots(stage=, branch=, village=, day=)`` answers one row for each family that has a place: ``entitlement, family, village,
amount_rp, invitation, version, channel ('session', 'door', 'office'), number (of the visit), position (in its seat's queue), day, starts_at,
ends_at, host (the venue's village), venue (its name, may be empty), seat, leads, officer, officer_code, officer_name`` (None while the seat is still
to be hired). ``version`` is that of the plan that gave this place and time: a letter printed for it stays right until a higher one.
"""
