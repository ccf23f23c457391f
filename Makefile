# The commands of this project. Everything is installed into .venv, once; nothing else on the machine changes,
# but for Chromium, which `make test` fetches through apt where it may.
PYTHON_IN_VENV := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help run test lint screenshots conformance benchmarks clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: ## Start the program; the page is on http://127.0.0.1:7860
	@tools/setup.sh run
	@$(PYTHON_IN_VENV) -m app

test: ## Run every test, the browser's included
	@tools/setup.sh test
	@tools/chromium.sh
	@tools/browsers.sh
	@$(PYTHON_IN_VENV) -m pytest $(ARGS)

lint: ## Run ruff, mypy and import-linter
	@tools/setup.sh test
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check --quiet .
	@$(PYTHON_IN_VENV) -m mypy
	@.venv/bin/lint-imports

screenshots: ## Take docs/screenshots again, in both languages
	@tools/setup.sh test
	@tools/chromium.sh
	@$(PYTHON_IN_VENV) -m tests.screenshots

conformance: ## Read the corpus and write the table of docs/conformance.md
	@tools/setup.sh test
	@$(PYTHON_IN_VENV) -m tests.conformance

benchmarks: ## Run every benchmark, each beside its baseline
	@tools/setup.sh test
	@for file in benchmarks/[a-z]*.py; do \
		$(PYTHON_IN_VENV) -m benchmarks.$$(basename $$file .py) || exit 1; \
	done

clean: ## Remove .venv and what the tools left; conversations stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
