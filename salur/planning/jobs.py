"""The kinds of jobs of planning, found here by the worker."""

from salur.planning.papers.jobs import papers

__all__ = ["papers"]
