"""A country on a laptop: makes families, their nominative lists and a campaign, and drives the verbs of the house with them.

Nobody in it is real. Every **NIK** and family card number begins with 99, which is no province, so none can be a person's. A **family**
is a line of a danom file; **damage** is what goes wrong with such lines on their way, put in on purpose and counted by the import's own
reason codes; the **article** is the founding article's scenario: four branches, their areas and their figures; a **campaign** is
who visits which family when, and what came of it; a **handset** is a phone that tells it to the public API.

Read ``families.py``, then ``damage.py``; ``article.py`` and ``campaign.py`` are the demo's. They are pure. ``whole_stage.py`` plays a stage from
its list to closed books: offices by the verbs, phones (``handset.py``) by HTTP to a server with the scenario's clock (``served.py``).
"""
