"""The wall board of an operations room: one board, read from across the room, kept current by itself.

The same figures as the board of the same place (``monitoring.actions.board``), without anything to press.
"""
