# Needs Python 3.11 and a network on first use. Everything a run writes is below .state/ (or HEALTH_PREDICT_STATE).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PYTHON := $(VENV)/bin/python
# the model server has an environment of its own: seldon-core needs versions that the pipelines cannot have
SERVING := .venv-serving
# so does Airflow, whose versions exclude those of ZenML's server
AIRFLOW := .venv-services
# and the linters of infrastructure code, which pin old libraries
INFRA := .venv-infra
# one process a core; a file stays in one process, since its tests may share what is costly to set up
PYTEST_ARGS ?= -n 2 --dist loadfile --no-loadscope-reorder
RUN_ARGS ?=
# how services run: compose, processes, or auto (as the last time, else compose where Docker answers)
SERVICES ?= auto
STACK_ARGS ?=
DATA ?=
FROM = $(if $(DATA),--data "$(DATA)")
INPUTS := $(basename $(notdir $(wildcard requirements/*.in)))
# these take their versions from pipeline
AFTER := dev notebook
LOCKS := $(filter-out $(AFTER),$(INPUTS)) $(filter $(AFTER),$(INPUTS))

.PHONY: help setup run test test-image test-stack check bench dashboard mlflow-ui lock clean
.PHONY: cost test-infra aws-env aws-up aws-down aws-shell aws-status destroy
.PHONY: services-up services-down services-rotate services-status services-logs
.PHONY: docs notebook model-card samples test-docs

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 17

setup: $(VENV)/.pipeline $(SERVING)/.serving ## the environments that pipelines and server need, once and again when a lock changes
	@echo "setup: ready"

run: $(VENV)/.pipeline $(SERVING)/.serving ## set up, apply the local stack, train, deploy, predict and monitor (DATA=file, RUN_ARGS="--set ..." of train)
	@$(PYTHON) run.py --pipeline train $(FROM) $(RUN_ARGS)
	@$(PYTHON) run.py --pipeline deploy
	@$(PYTHON) run.py --pipeline monitor --batches 3 $(FROM)

test: $(VENV)/.dev $(SERVING)/.serving ## set up and run the tests (PYTEST_ARGS="-k ...")
	@$(PYTHON) -m pytest $(PYTEST_ARGS)

test-image: $(VENV)/.dev ## build the model server's image, test it in a container and deploy it as on AWS (root on Debian: installs Docker)
	@$(PYTHON) -m pytest -n 0 -m image tests/serving/test_image.py tests/pipelines/test_deployment_aws.py

test-stack: $(VENV)/.dev $(SERVING)/.serving $(AIRFLOW)/.services ## the stack airflow: real Airflow, PostgreSQL and MLflow server, moto as S3
	@$(PYTHON) -m pytest -n 0 -m stack $(STACK_ARGS)

check: $(VENV)/.dev ## style, types, layers, locks
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/mypy --no-error-summary
	@$(VENV)/bin/lint-imports --no-cache > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }
	@! grep -nE '^ *-|://' requirements/*.in requirements/*.txt | grep -vE ':(-[rc] | *--hash=)[^:]*(:[0-9a-f]+[^:]*)?$$' \
		|| { echo "error: a requirements file names where packages come from"; exit 1; }
	@echo "check: all good"

bench: $(VENV)/.dev $(SERVING)/.serving $(AIRFLOW)/.services ## measure what the README claims, in an hour (BENCH_ARGS=--quick only shows that it runs)
	@$(PYTHON) -m benchmarks $(BENCH_ARGS)

dashboard: $(VENV)/.pipeline ## the ZenML dashboard on 127.0.0.1, until Ctrl+C
	@$(PYTHON) -m stacks.dashboard zenml

mlflow-ui: $(VENV)/.pipeline ## the MLflow UI on 127.0.0.1, until Ctrl+C
	@$(PYTHON) -m stacks.dashboard mlflow

docs: $(VENV)/.dev ## the documents as a site in .state/site, which needs no network
	@mkdir -p .state
	@NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict --site-dir .state/site > .state/docs.log 2>&1 || { cat .state/docs.log; exit 1; }
	@echo "docs: .state/site/index.html"

notebook: $(VENV)/.dev ## execute notebooks/01_eda_baseline.py into its .ipynb (DATA as for run, by HEALTH_PREDICT_DATA)
	@$(PYTHON) -m notebooks.execute

model-card: $(VENV)/.pipeline ## docs/model_card.md from the registered champion (CARD=another file)
	@$(PYTHON) -m driver.model_card $(CARD)

samples: $(VENV)/.dev $(SERVING)/.serving ## the sample reports, timeline and model card of docs/, by a full loop (SAMPLES_ARGS="--quick --output FOLDER")
	@$(PYTHON) -m driver.samples $(SAMPLES_ARGS)

test-docs: $(VENV)/.dev ## build the site, open every page in a browser, execute the notebook and the README's commands
	@$(PYTHON) -m pytest -n 0 -m docs tests/docs tests/notebooks

services-up: $(VENV)/.pipeline $(SERVING)/.serving $(AIRFLOW)/.services ## start what the stack airflow needs, on 127.0.0.1 (SERVICES=compose|processes)
	@$(PYTHON) -m infra.services --with $(SERVICES) up
	@$(PYTHON) -m stacks.apply airflow

services-down: $(VENV)/.pipeline ## end the services; data is kept
	@$(PYTHON) -m infra.services --with $(SERVICES) down

services-rotate: $(VENV)/.pipeline ## draw all secrets of services that run as processes anew, and start them again
	@$(PYTHON) -m infra.services --with $(SERVICES) rotate
	@$(PYTHON) -m stacks.apply airflow

services-status: $(VENV)/.pipeline ## health and memory of each service; exit code 5 if one is not well
	@$(PYTHON) -m infra.services --with $(SERVICES) status

services-logs: $(VENV)/.pipeline ## their logs (NAME=mlflow, FOLLOW=1)
	@$(PYTHON) -m infra.services --with $(SERVICES) logs $(NAME) $(if $(FOLLOW),-f)

lock: $(VENV)/.uv ## compile requirements/*.in to hash-pinned *.txt
	@cd requirements && export UV_CUSTOM_COMPILE_COMMAND="make lock" && for name in $(LOCKS); do \
		echo "lock: $$name"; \
		case " $(AFTER) " in *" $$name "*) pins="-c pipeline.txt" ;; *) pins="" ;; esac; \
		[ ! -f $$name-overrides.txt ] || pins="--override $$name-overrides.txt"; \
		../$(VENV)/bin/uv pip compile --quiet $$name.in $$pins -o $$name.txt --generate-hashes --python-version 3.11; \
	done

clean: ## remove .state and the tools' caches; the environment stays
	@for path in .state .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache; do \
		if [ -e $$path ]; then rm -rf $$path && echo "removed $$path"; fi; \
	done
	@find . -name __pycache__ -type d -not -path './.venv*' -prune -exec rm -rf {} +

# A stamp is newer than the lock it was made from. The development environment contains the pipelines' one.
$(VENV)/.python:
	@python=$$(command -v python3.11 || command -v python3 || true); \
	version=$$($${python:-false} -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true); \
	if [ "$$version" != 3.11 ]; then \
		echo "error: Python 3.11 is needed (found: $${version:-none}); install it so that python3.11 is on the PATH" >&2; exit 2; \
	fi; \
	echo "setup: environment in $(VENV)"; $$python -m venv $(VENV)
	@touch $@

$(VENV)/.uv: requirements/uv.txt | $(VENV)/.python
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/.pipeline: requirements/pipeline.txt $(VENV)/.uv
	@if [ -e $(VENV)/.dev ]; then $(MAKE) --no-print-directory $(VENV)/.dev; else \
		echo "setup: packages of the pipelines (1.5 GB on disk)"; $(VENV)/bin/uv pip install --compile-bytecode --python $(PYTHON) --quiet --require-hashes -r $<; \
	fi
	@touch $@

$(VENV)/.dev: requirements/dev.txt requirements/pipeline.txt $(VENV)/.uv
	@echo "setup: packages of the pipelines and of development (1.8 GB on disk)"
	@$(VENV)/bin/uv pip install --compile-bytecode --python $(PYTHON) --quiet --require-hashes -r $<
	@touch $(VENV)/.pipeline $@

# every package is named in the lock, so nothing is resolved again: seldon-core's own pins would refuse the overrides
$(SERVING)/.serving: requirements/serving.txt $(VENV)/.uv
	@echo "setup: packages of the model server (0.2 GB on disk)"
	@$(VENV)/bin/uv venv --quiet --clear --python $(PYTHON) $(SERVING)
	@$(VENV)/bin/uv pip install --compile-bytecode --python $(SERVING)/bin/python --quiet --no-deps --require-hashes -r $<
	@touch $@

$(AIRFLOW)/.services: requirements/services.txt $(VENV)/.uv
	@echo "setup: packages of Airflow and the services (0.3 GB on disk)"
	@$(VENV)/bin/uv venv --quiet --clear --python $(PYTHON) $(AIRFLOW)
	@$(VENV)/bin/uv pip install --compile-bytecode --python $(AIRFLOW)/bin/python --quiet --require-hashes -r $<
	@touch $@

$(INFRA)/.infra: requirements/infra.txt $(VENV)/.uv
	@echo "setup: linters of infrastructure code (0.4 GB on disk)"
	@$(VENV)/bin/uv venv --quiet --clear --python $(PYTHON) $(INFRA)
	@$(VENV)/bin/uv pip install --compile-bytecode --python $(INFRA)/bin/python --quiet --require-hashes -r $<
	@touch $@

test-infra: $(VENV)/.dev $(INFRA)/.infra ## linters and policies over infra/: Terraform, Dockerfiles, scripts, Compose, manifests
	@$(PYTHON) -m pytest $(PYTEST_ARGS) -m infra tests/infra

cost: $(VENV)/.pipeline ## what the stack aws costs by the hour, day and month (COST_ARGS="--hours-per-day 24 --json")
	@$(PYTHON) -m infra.aws.cost $(COST_ARGS)

aws-env: $(VENV)/.pipeline ## write what Terraform made to .state/aws.env, for stacks/aws.yaml
	@$(PYTHON) -m infra.aws.outputs

aws-up: ## start the machine of the stack aws and its services, open tunnels to them (JUPYTER=1: the notebook's, too)
	@infra/aws/up.sh

aws-down: ## close the tunnels and stop the machine; nothing is lost
	@infra/aws/up.sh --stop

aws-shell: ## a shell on the machine, by SSM
	@infra/aws/up.sh --shell

aws-status: ## how the machine, its services, its cluster and the tunnels do
	@infra/aws/status.sh

destroy: $(VENV)/.pipeline ## take down all of the stack aws, in order; asks before models are deleted (DESTROY_ARGS="--dry-run")
	@$(PYTHON) -m infra.aws.teardown $(DESTROY_ARGS)
