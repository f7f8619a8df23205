# Everything salur needs is installed into .venv (and .uv, which holds the installer); nothing outside this folder but SALUR_HOME.
UV := .uv/bin/uv
RUN := $(UV) run --frozen
PYTHON ?= python3
# The certificates this machine trusts, where it keeps some: a network whose gateway signs for everybody else is known only to them.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem),)
export UV_SYSTEM_CERTS ?= 1
endif

# The browser that is killed again and again has the machine to itself: it is done in a third of the time.
ALONE := tests/browser/test_fault_run.py

install: .venv/.installed ## install the program and its tools into .venv

.uv/bin/uv: tools/get_uv.py
	$(PYTHON) tools/get_uv.py .uv

.venv/.installed: .uv/bin/uv uv.lock pyproject.toml
	$(UV) sync --frozen --quiet --compile-bytecode
	@touch .venv/.installed

demo: install ## the founding article's four branches in full size, then the boards on http://127.0.0.1:8000
	$(RUN) salur demo

test: install ## the whole suite, as continuous integration runs it: on the embedded PostgreSQL, then on Debian's own
	$(PYTHON) tools/get_browser.py
	$(RUN) pytest -n 2 --dist loadfile --ignore $(ALONE)
	$(RUN) pytest $(ALONE)
	@programs=$$($(PYTHON) tools/get_postgres.py); test -z "$$programs" || \
	  (set -x; SALUR_PG_BIN=$$programs $(RUN) pytest -n 2 --dist loadfile -m "not slow and not browser and not faults" --ignore salur/lib/tests)

check: install ## format, lint, types (also of the officers' app), floors, migrations (fast)
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) lint-imports
	$(RUN) mypy
	$(RUN) python -m django makemigrations --check --dry-run --settings salur.web.settings
	$(PYTHON) tools/check_app.py

format: install ## bring the code into its format
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

bench: install ## figures against a baseline of the same run; ONLY=name for one
	$(RUN) python -m bench $(if $(ONLY),--only $(ONLY))

.PHONY: install demo test check format bench
