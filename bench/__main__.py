"""``python -m bench [--only NAME]``: one JSON line per figure; NAME is a module of this folder or the beginning of a figure's name."""

import argparse
import importlib
import json
import os
import pkgutil
import shutil
import sys
import tempfile
from pathlib import Path

import bench


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=bench.__doc__)
    parser.add_argument("--only", metavar="NAME", help="one module of bench/, or figures whose name begins so")
    only = parser.parse_args().only
    modules = [module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_")]
    chosen = [only] if only in modules else modules

    # A home that is named is used as it is found, and kept: loading a country takes longer than looking at it.
    kept = os.environ.get("SALUR_BENCH_HOME")
    home = kept or tempfile.mkdtemp(prefix="salur-bench-", dir=os.environ.get("SALUR_BENCH_DIR"))
    os.environ["SALUR_HOME"] = home
    os.environ["DJANGO_SETTINGS_MODULE"] = "salur.web.settings"
    from salur.lib import database

    try:
        import django

        django.setup()
        from salur.web.ready import ready_database

        ready_database()
        for name in chosen:
            module = importlib.import_module(f"bench.{name}")
            for figure in module.figures():
                line = figure if isinstance(figure, dict) else figure.as_json()
                if only in modules or only is None or line["name"].startswith(only):
                    print(json.dumps(line), flush=True)
    finally:
        if "SALUR_DATABASE_URL" not in os.environ:
            database.stop()
        if not kept:
            shutil.rmtree(Path(home), ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
