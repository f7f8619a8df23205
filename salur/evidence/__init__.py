"""Photo and place of a visit: the house's geotag, which is a work item of its own with its own figure.

A **geotag** is where a family's house is, with the hash of its photo. A better one is a new revision; the first one counts in the
**tally** that boards read. Read ``queries.sql: record_geotags``.
"""
