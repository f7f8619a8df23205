"""Work that goes on after the page answered: a large export, the papers of a branch, the plan of the nation.

A **Kind** of job is a function that a folder registers in its own ``jobs.py`` room::

    @kind("monitoring.export")
    def export(job: Running, *, stage: int) -> None:
        with job.file("realisasi.xlsx", "application/vnd.…") as path:
            job.progress(done, total)

``actions.start`` writes a **Job** down and queues it in the same transaction as whatever asked for it. A worker (`salur work`; `salur serve`
starts one) carries it out; when the worker is killed another one starts the job anew, so a kind is written to be repeated. The person who
asked follows it at ``/pekerjaan/<job>/`` and takes the file there; nobody else can.

Queueing, claiming and waking are procrastinate's; the name, the progress and the file are ours.
"""
