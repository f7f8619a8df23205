"""Papers of a whole branch, made while nobody waits."""

import shutil
import tempfile
import zipfile
from pathlib import Path

from salur.jobs.actions import Running, kind
from salur.lib.clock import now
from salur.planning.papers import actions
from salur.planning.papers.actions import Kind
from salur.planning.papers.rules import file_name

PAPERS = "planning.papers"


@kind(PAPERS)
def papers(job: Running, *, branch: str, stage: str, kinds: list[str], without_plan: bool = False) -> None:
    """All papers of the kinds asked for, in one ZIP with a folder for each kind."""
    folder = Path(tempfile.mkdtemp(prefix="salur-papers-"))
    try:
        actions.write_papers(
            branch_code=branch, stage_code=stage, out=folder, kinds=[Kind(word) for word in kinds], without_plan=without_plan,
            actor=job.asked_by, at=now(), progress=job.progress,
        )  # fmt: skip
        name = f"{file_name([kinds[0] if len(kinds) == 1 else 'surat', branch, stage])}.zip"
        with job.file(name, "application/zip") as path:
            zip_papers(folder, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def zip_papers(folder: Path, path: Path) -> None:
    """The papers of a folder in one file; they are compressed already."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as out:
        for paper in actions.files_of(folder):
            out.write(paper, paper.relative_to(folder).as_posix())
