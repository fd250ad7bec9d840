# `make run` starts the dashboard; the other targets are for developers.
# Another Python: make run PYTHON=python3.12
# Arguments for a tool: make test ARGS="-k opt_in"

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check

# Optional requirements.
EXTRAS := $(addprefix requirements-,$(addsuffix .txt,notify buckets duckdb spark))

# Touched after each installation; if older than the requirements, they are installed again.
RUN_READY := $(VENV)/.run-ready
DEV_READY := $(VENV)/.dev-ready

# Apache Spark's package excludes the client that the dashboard uses.
SPARK_VENV := .venv-spark
SPARK_READY := $(SPARK_VENV)/.ready

.PHONY: help run test check bench imports lock spark

help:
	@echo "make run      start the dashboard"
	@echo "make test     run the tests"
	@echo "make check    lint, formatting, types"
	@echo "make bench    compare performance with baselines"
	@echo "make spark    run the tests of engines on Apache Spark (Java 17, 500 MB)"
	@echo "make imports  draw the graph of imports"
	@echo "make lock     pin run-time packages with hashes, and list their licences"

run: $(RUN_READY)
	@$(PY) -m streamlit run app.py $(ARGS)

# On all cores, with up to four processes (`tests/conftest.py`). For a single file, pytest itself starts faster.
# Bytecode is kept, whatever the environment says: dozens of processes start here, and each would compile everything anew.
test: $(DEV_READY)
	@PYTHONDONTWRITEBYTECODE= $(PY) -m pytest --numprocesses=auto --maxprocesses=4 --dist=worksteal $(ARGS)

check: $(DEV_READY)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy lib pages app.py tests benchmarks

bench: $(DEV_READY)
	@$(PY) -m benchmarks $(ARGS)

spark: $(SPARK_READY)
	@$(SPARK_VENV)/bin/python -m tests.apache_spark $(ARGS)

imports: $(DEV_READY)
	@$(PY) -m tests.test_architecture

# Locks for all systems and Python 3.11 or newer; then lists the licences of the installed packages.
lock: $(DEV_READY)
	@$(PIP) install --quiet uv==0.13.9
	@$(PY) -m uv --quiet --no-config pip compile --universal --python-version 3.11 --generate-hashes \
	  --custom-compile-command "make lock" --output-file requirements.lock \
	  requirements.txt requirements-notify.txt requirements-buckets.txt requirements-duckdb.txt
	@$(PY) -m tests.supply

$(RUN_READY): requirements.txt $(PY)
	@echo "Installing the dashboard's requirements ..."
	@$(PIP) install --quiet -r requirements.txt
	@touch $@

$(DEV_READY): requirements-dev.txt $(EXTRAS) $(RUN_READY)
	@echo "Installing the requirements for development ..."
	@$(PIP) install --quiet -r requirements-dev.txt
	@touch $@

$(SPARK_READY): requirements-apache-spark.txt requirements.txt requirements-duckdb.txt $(PY)
	@echo "Installing Apache Spark ..."
	@$(PY) -m venv $(SPARK_VENV)
	@$(SPARK_VENV)/bin/python -m pip --disable-pip-version-check install --quiet -r requirements-apache-spark.txt
	@touch $@

$(PY):
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { \
	  echo "Python 3.11 or newer is needed, and there is no '$(PYTHON)' here." \
	    "Install it from https://www.python.org/downloads/ and try again." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is older. Install a newer one from" \
	    "https://www.python.org/downloads/, or name one you have: make run PYTHON=python3.12" >&2; \
	  exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "This Python cannot make a virtual environment. On Debian and Ubuntu:" \
	    "sudo apt install python3-venv" >&2; exit 1; }
	@rm -f $(RUN_READY) $(DEV_READY)
	@"$(PYTHON)" -m venv $(VENV) || { rm -f $(PY); exit 1; }
