# Every target does its own set-up: from Python 3.11 and make alone, `make demo` and `make test` work.
PYTHON ?= python3
UV_VERSION := 0.9.30
UV := .tools/bin/uv
PLATFORM_AS_OF := 2026-10-20
AIRFLOW_AS_OF := 2026-09-20
# The tests start many processes; without compiled modules each would compile everything that it imports anew.
unexport PYTHONDONTWRITEBYTECODE
export PYTEST
COMPILE := $(UV) pip compile -q --no-header --python-version 3.11 --no-emit-index-url --generate-hashes
INSTALL := $(UV) pip install -q --python
SBOMS := $(patsubst %,sbom/%.json,platform serving train airflow)

.DEFAULT_GOAL := help
.PHONY: help install train-env peers demo up test check lint format slow bench docs lock sbom clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(UV):
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)

.venv/.ready: requirements/platform.txt pyproject.toml | $(UV)
	test -x .venv/bin/python || $(UV) venv -q --python 3.11 .venv
	$(INSTALL) .venv/bin/python --require-hashes -r requirements/platform.txt
	$(INSTALL) .venv/bin/python --no-deps -e .
	touch $@

.venv-airflow/.ready: requirements/airflow.txt | $(UV)
	test -x .venv-airflow/bin/python || $(UV) venv -q --python 3.11 .venv-airflow
	$(INSTALL) .venv-airflow/bin/python --require-hashes -r requirements/airflow.txt
	touch $@

# Torch without its platform packages: where pip is told of a folder with a build for this machine (PIP_FIND_LINKS), it is taken.
# Hence it is pinned by version alone, in a file of its own: the hash is that build's.
.venv-train/.ready: requirements/train.txt requirements/torch.txt | $(UV)
	test -x .venv-train/bin/python || $(UV) venv -q --python 3.11 .venv-train
	$(INSTALL) .venv-train/bin/python --no-deps --require-hashes -r requirements/train.txt
	UV_FIND_LINKS="$(PIP_FIND_LINKS)" $(INSTALL) .venv-train/bin/python --no-deps -r requirements/torch.txt
	$(INSTALL) .venv-train/bin/python --no-deps -e .
	touch $@

train-env: .venv-train/.ready  ## the environment that deep rankers train in (torch)

.venv-train/.peers: requirements/peers.txt .venv-train/.ready
	$(INSTALL) .venv-train/bin/python --no-deps --require-hashes -r requirements/peers.txt
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

slow: install train-env  ## the slow suites (Spark, the real scheduler, load), and every property with many more cases
	@.venv/bin/python tests/suites.py \
	  slow '.venv/bin/python -m pytest -m "slow and not deep" -n 2 --dist loadfile --no-loadscope-reorder {PYTEST}' \
	  training '.venv-train/bin/python -m pytest -m "deep and slow" {PYTEST}' \
	  properties '.venv/bin/python -m pytest -m "hypothesis and not slow and not deep" --hypothesis-profile=large {PYTEST}'

lint: install
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/mypy docs/generator
	.venv/bin/lint-imports

check: lint test  ## ruff, mypy --strict, import-linter, then the tests

format: install
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: install  ## every benchmark, as JSON
	.venv/bin/placard bench serve --json
	.venv/bin/placard bench search --json
	.venv/bin/placard bench features --json

docs: install  ## write docs/reference from the command line, the settings, the DAGs and the feature tables
	.venv/bin/python docs/generator

lock: $(UV)  ## compile requirements/*.txt, with hashes
	$(COMPILE) --exclude-newer $(PLATFORM_AS_OF) requirements/platform.in -o requirements/platform.txt
	$(COMPILE) --exclude-newer $(PLATFORM_AS_OF) -c requirements/platform.txt requirements/serving.in -o requirements/serving.txt
	$(COMPILE) --exclude-newer $(PLATFORM_AS_OF) -c requirements/platform.txt requirements/train.in -o requirements/train.txt
	$(COMPILE) --exclude-newer $(PLATFORM_AS_OF) --no-deps -c requirements/train.txt requirements/peers.in -o requirements/peers.txt
	$(COMPILE) --exclude-newer $(AIRFLOW_AS_OF) requirements/airflow.in -o requirements/airflow.txt
	$(COMPILE) --exclude-newer $(PLATFORM_AS_OF) requirements/sbom.in -o requirements/sbom.txt
	$(COMPILE) --exclude-newer $(PLATFORM_AS_OF) -c requirements/platform.txt requirements/build.in -o requirements/build.txt

.tools/sbom/.ready: requirements/sbom.txt | $(UV)
	test -x .tools/sbom/bin/python || $(UV) venv -q --python 3.11 .tools/sbom
	$(INSTALL) .tools/sbom/bin/python --require-hashes -r requirements/sbom.txt
	touch $@

sbom/%.json: requirements/%.txt .tools/sbom/.ready
	mkdir -p sbom
	cat $(filter requirements/%.txt,$^) | .tools/sbom/bin/cyclonedx-py requirements --output-reproducible --of JSON -o $@ -

sbom/train.json: requirements/torch.txt requirements/peers.txt

sbom: $(SBOMS)  ## a bill of materials (CycloneDX) of each environment, into sbom/

clean:  ## remove the environments and caches, keep the state folder
	rm -rf .venv .venv-airflow .venv-train .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build sbom *.egg-info
