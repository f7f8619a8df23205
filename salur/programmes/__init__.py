"""What is paid, when, and by which policies.

Nouns: a *programme* (Kartu Sembako, PKH …), a *stage* (one round of it: a period, a window, policies), an *extension*
(a later deadline for one area). Making a stage opens its partition of every hot table.

Read ``rules`` (what a programme file may say), ``models``, ``queries.sql``, ``actions``, ``commands``.
"""
