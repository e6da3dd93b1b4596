# Every target does its own set-up: from Python 3.11 and make alone, `make demo` and `make test` work.
PYTHON ?= python3
UV_VERSION := 0.9.30
UV := .tools/bin/uv
PLATFORM_AS_OF := 2026-10-20
AIRFLOW_AS_OF := 2026-09-20
# The tests start many processes; without compiled modules each would compile everything that it imports anew.
unexport PYTHONDONTWRITEBYTECODE
export PYTEST
COMPILE := $(UV) pip compile -q --no-header --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help install train-env peers demo up test check lint format slow bench lock clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(UV):
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)

.venv/.ready: requirements/platform.txt pyproject.toml | $(UV)
	test -x .venv/bin/python || $(UV) venv -q --python 3.11 .venv
	$(UV) pip install -q --python .venv/bin/python -r requirements/platform.txt
	$(UV) pip install -q --python .venv/bin/python --no-deps -e .
	touch $@

.venv-airflow/.ready: requirements/airflow.txt | $(UV)
	test -x .venv-airflow/bin/python || $(UV) venv -q --python 3.11 .venv-airflow
	$(UV) pip install -q --python .venv-airflow/bin/python -r requirements/airflow.txt
	touch $@

# Torch without its platform packages: where pip is told of a folder with a build for this machine (PIP_FIND_LINKS), it is taken.
.venv-train/.ready: requirements/train.txt requirements/torch.txt | $(UV)
	test -x .venv-train/bin/python || $(UV) venv -q --python 3.11 .venv-train
	UV_FIND_LINKS="$(PIP_FIND_LINKS)" $(UV) pip install -q --python .venv-train/bin/python --no-deps -r requirements/train.txt -r requirements/torch.txt
	$(UV) pip install -q --python .venv-train/bin/python --no-deps -e .
	touch $@

train-env: .venv-train/.ready  ## the environment that deep rankers train in (torch)

.venv-train/.peers: requirements/peers.txt .venv-train/.ready
	$(UV) pip install -q --python .venv-train/bin/python --no-deps -r requirements/peers.txt
	touch $@

peers: .venv-train/.peers  ## what rankers are compared with, into the training environment

install: .venv/.ready .venv-airflow/.ready  ## both environments

demo: install  ## the whole loop on simulated logs, ending with a served, explained slate
	.venv/bin/placard demo $(DEMO)

up: install  ## Airflow, MLflow, the API and its guards on loopback, until Ctrl-C
	.venv/bin/placard up

test: install train-env  ## every test but the slow ones
	@.venv/bin/python tests/suites.py \
	  platform '.venv/bin/python -m pytest -m "not slow and not deep" -n 2 --dist loadfile --no-loadscope-reorder {PYTEST}' \
	  training '.venv-train/bin/python -m pytest -m "deep and not slow" {PYTEST}' \
	  airflow '.venv-airflow/bin/python -m pytest -c tests/dags/pytest.ini tests/dags'

slow: install  ## the slow suites (Spark, the real scheduler, load), and every property with many more cases
	@.venv/bin/python tests/suites.py \
	  slow '.venv/bin/python -m pytest -m slow {PYTEST}' \
	  properties '.venv/bin/python -m pytest -m "hypothesis and not slow and not deep" --hypothesis-profile=large {PYTEST}'

lint: install
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

check: lint test  ## ruff, mypy --strict, import-linter, then the tests

format: install
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: install  ## every benchmark, as JSON
	.venv/bin/placard bench serve --json
	.venv/bin/placard bench search --json
	.venv/bin/placard bench features --json

lock: $(UV)  ## compile requirements/*.txt
	$(COMPILE) --exclude-newer $(PLATFORM_AS_OF) requirements/platform.in -o requirements/platform.txt
	$(COMPILE) --exclude-newer $(PLATFORM_AS_OF) -c requirements/platform.txt requirements/serving.in -o requirements/serving.txt
	$(COMPILE) --exclude-newer $(PLATFORM_AS_OF) -c requirements/platform.txt requirements/train.in -o requirements/train.txt
	$(COMPILE) --exclude-newer $(PLATFORM_AS_OF) --no-deps -c requirements/train.txt requirements/peers.in -o requirements/peers.txt
	$(COMPILE) --exclude-newer $(AIRFLOW_AS_OF) requirements/airflow.in -o requirements/airflow.txt

clean:  ## remove the environments and caches, keep the state folder
	rm -rf .venv .venv-airflow .venv-train .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
