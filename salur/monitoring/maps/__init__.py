"""The board as a map: the areas of its lines in colours of how far they are, and where houses were located.

A map is a drawing of a board's own rows (``views.py: with_map``), so list and map cannot differ. Read ``rules.py``: how shapes become
paths, shares become steps of colour, and houses become hexagons or clusters; nobody above the branch is shown an exact house.
"""
