"""A command answers soon: what only a few of them need is not loaded by all."""

import subprocess
import sys


def test_a_command_starts_without_arrays_solvers_and_typesetting():
    ask = "import django, sys; django.setup(); print(*{'numpy', 'polars', 'scipy', 'highspy', 'typst', 'PIL'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", ask],
        env={"DJANGO_SETTINGS_MODULE": "salur.web.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []
