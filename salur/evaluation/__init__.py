"""The regional meeting: how the branches of a region did, against each other, against what was published, against earlier stages.

A **report** ranks a region's branches by the exact share of families paid; with it go geotags, speed, productivity, who was not paid and
why, cash, complaints, and what the branches say **helped** and **hindered** (notes, each with a tag). **Figures** are counts as somebody
published them, kept as printed like the quotations of ``monitoring``; they are checked against the counted ones and against the sum of
the offices below, and what does not agree is flagged, never corrected.

Read ``rules`` (ranks, speed, checks of what was printed), ``queries.sql``, ``actions.report``.
"""
