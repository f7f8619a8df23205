"""Invitations: how many A5 letters with QR a core makes in a second, with how much memory, and whether a fixed mask is as easy to read.

``letters_per_core_second``: a village of 400, from families to PDF/A on disk, by process time; the baseline is the same letters with each QR made by
segno (its best of eight masks, as SVG), the way it was first measured. ``letters_peak_mb``: a process that prints six such villages.
``letters_fixed_mask``: penalty points (ISO/IEC 18004, 7.8.3) of the fixed mask against the best of eight, on 200 letters.
"""

import io
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import segno

from bench import Figure, compare
from salur.lib import pdf
from salur.lib.letter_code import letter_payload
from salur.lib.qr import matrices
from salur.planning.papers import rules
from salur.planning.papers.actions import TEMPLATES

LETTERS, KEY = 400, b"bench"
AT = datetime(2022, 3, 1, 1, tzinfo=UTC)
ALL_SVG = rules.drawings


def village(seed: int) -> list[rules.Family]:
    """Families that no other village has: typst remembers what it laid out."""
    day = date(2022, 3, 14)
    return [
        rules.Family(
            UUID(int=seed << 64 | number * 7919), f"BDW-{seed}-{number:05d}", f"Siti Aminah Binti Abdullah {seed * LETTERS + number}",
            "9911••••••••0001", f"Dusun Krajan {number}", f"{number % 9:03d}", "002", 600_000 + number % 7 * 75_000,
            rules.Slot(
                "session", day, AT + timedelta(days=13, hours=number % 6), AT + timedelta(days=13, hours=number % 6 + 1), f"Balai Desa {seed}",
                "Siti Rahayu", number,
            ),
        )
        for number in range(LETTERS)
    ]  # fmt: skip


def print_village(seed: int) -> int:
    """Bytes of the PDF."""
    heading = rules.Heading(
        "Bondowoso", "Kartu Sembako", "Januari–Maret 2022", 1, f"Desa {seed}", "Maesan", "Kab. Bondowoso", "same_family"
    )
    with tempfile.TemporaryDirectory() as folder:
        size = 0
        for number, data in enumerate(rules.letters(heading, village(seed), KEY)):
            paper = pdf.render(TEMPLATES / "letter.typ", data, title=f"Surat undangan {seed}", as_of=AT)
            assert paper.pages == len(data["letters"])
            size += Path(folder, f"{number}.pdf").write_bytes(paper.content)
        return size


def by_segno(payloads: list[str]) -> list[dict[str, object]]:
    codes = []
    for payload in payloads:
        out = io.BytesIO()
        code = segno.make(payload, error="m", boost_error=False, micro=False)
        code.save(out, kind="svg", border=4, xmldecl=False)
        codes.append({"side": 37, "path": out.getvalue().decode().split(' d="')[1].split('"')[0]})
    return codes


def rate(seeds: Iterator[int], *, segnos: bool = False) -> float:
    rules.drawings = by_segno if segnos else ALL_SVG  # type: ignore[assignment]
    started = time.process_time()
    print_village(next(seeds))
    return LETTERS / (time.process_time() - started)


def penalty(matrix: "np.ndarray[tuple[int, int], np.dtype[np.uint8]]") -> int:
    """Runs of five and more, blocks of two by two, false finders, and how far black is from half."""
    points = 0
    for lines in (matrix, matrix.T):
        for line in lines:
            run = 1
            for before, now in zip(line[:-1], line[1:], strict=True):
                run = run + 1 if before == now else 1
                points += 3 if run == 5 else 1 if run > 5 else 0
            text = "".join(map(str, line))
            points += 40 * (text.count("00001011101") + text.count("10111010000"))
    same = matrix[:-1, :-1] + matrix[1:, :-1] + matrix[:-1, 1:] + matrix[1:, 1:]
    points += 3 * int(((same == 0) | (same == 4)).sum())
    return points + 10 * int(abs(matrix.mean() * 100 - 50) // 5)


def figures() -> Iterator[Figure]:
    seeds = iter(range(1, 100))
    rate(seeds)  # fonts are read once
    yield compare(
        "letters_per_core_second", "letters/s", lambda: rate(seeds), lambda: rate(seeds, segnos=True),
        note="a village of 400, families to PDF/A; goal 400",
    )  # fmt: skip
    rules.drawings = ALL_SVG
    code = "import django; django.setup(); from bench import letters; [letters.print_village(n) for n in range(200, 206)]; print(letters.peak_mb())"
    peak = float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    yield Figure(
        "letters_peak_mb", peak, "MB", None, None, [peak], "a process that prints six villages of 400; limit 400"
    )
    payloads = [letter_payload(UUID(int=n * 104_729), 600_000, KEY) for n in range(200)]
    fixed = [penalty(matrix) for matrix in matrices(payloads)]
    best = [
        penalty(
            np.array(
                [list(row) for row in segno.make(p, error="m", boost_error=False, micro=False).matrix], dtype=np.uint8
            )
        )
        for p in payloads
    ]
    ratio = statistics.median(a / b for a, b in zip(fixed, best, strict=True))
    yield Figure(
        "letters_fixed_mask", statistics.median(fixed), "penalty points", statistics.median(best), round(ratio, 3),
        [max(fixed), max(best)], "200 letters; runs: the worst of each",
    )  # fmt: skip


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
