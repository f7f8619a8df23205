"""What boards start and a worker carries out."""

from salur.monitoring.exports.jobs import export

__all__ = ["export"]
