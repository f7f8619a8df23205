"""A large export, made while nobody waits."""

import tempfile
from pathlib import Path
from typing import Any

from django.utils import translation

from salur.jobs.actions import Running, kind
from salur.lib.clock import now
from salur.monitoring.exports import actions
from salur.monitoring.exports.actions import KIND
from salur.monitoring.exports.rules import MIME, Asked


@kind(KIND)
def export(job: Running, *, asked: dict[str, Any], viewer: dict[str, Any], language: str) -> None:
    """The file as it was asked for; its name holds the moment of its figures, which is known when it is made."""
    wanted = Asked.of_json(asked)
    with tempfile.TemporaryDirectory(prefix="salur-export-") as folder, translation.override(language):
        made = Path(folder) / "made"
        name, _ = actions.make(
            asked=wanted, viewer=actions.viewer_again(viewer), path=made, at=now(), progress=job.progress
        )
        with job.file(name, MIME[wanted.form]) as path:
            path.touch(mode=0o600)
            path.write_bytes(made.read_bytes())
