"""Looking after the money: do the families say what the books say, and which officers should somebody visit?

A **sample** of payments is drawn by a seed, so that nobody chooses whom to ask; each item is called or visited and its **answers** tell
the share of problems with an interval. A **look** reads everything officers did in a stage at a branch and writes **signals**: sentences
with a number, never verdicts; officers are ranked by them, a person decides. A **complaint** has a clock, a responsible person and an
answer. A **control visit** (kontrol lapangan) is a checklist with photos.

Nothing here ever stands in a family's way: no signal, sample or complaint is read where payments are judged.

Read ``sampling`` (how many, which, what it says), ``signals`` (what is odd, compared with peers), ``rules`` (words), ``actions``.
"""
