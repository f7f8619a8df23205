"""The tree of post offices, the areas they serve, and the people who pay.

Nouns: an *office* (headquarters, region, KCU or KC, KCP), its *service area* (area codes; the deepest code that holds
a village wins, so a kabupaten may be split between branches), the *branch* of an office (itself for a KCU or KC, else
the nearest one above), the *coverage* (which office and branch serves each village, renewed with every change of
offices or areas), an *officer* (juru bayar).

Read ``rules`` (the tree and what is refused), ``models``, ``queries.sql``, ``actions``, ``commands``.
"""
