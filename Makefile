# Everything here needs only Python >= 3.10, git and make. `make` alone lists the targets.

# The Python that makes the virtual environments; everything else runs inside them.
PYTHON ?= python3
# The same for `make test-lowest`, if PYTHON is newer than the lowest versions' wheels.
LOWEST_PYTHON ?= $(PYTHON)
# Passed on to pytest, as in: make test PYTEST_ARGS="-x -k newton"
PYTEST_ARGS ?=

VENV := .venv
LOWEST := .venv-lowest
LOWEST_VERSIONS := scikit-learn==1.6.0 'numpy==1.24.*' 'scipy==1.10.*' 'autograd==1.7.*' 'joblib==1.3.*' \
	'pyarrow==14.*'  # newer ones ask for a newer NumPy
INSTALL := -m pip install --quiet --disable-pip-version-check

.DELETE_ON_ERROR:
.PHONY: help demo test test-lowest fuzz lint examples doc package clean

help:
	@sed -n 's/^## //p' Makefile

## make demo         find flipped labels in the digits that ship with scikit-learn
demo: $(VENV)/installed-cli
	@$(VENV)/bin/skinfluence demo

## make test         run the tests and every code block of the documentation
test: $(VENV)/installed-test
	$(VENV)/bin/python -m pytest -n auto --dist loadgroup $(PYTEST_ARGS)

## make test-lowest  run the tests with the lowest supported versions, on fewer kinds of data
test-lowest:
	@if $(LOWEST_PYTHON) -c 'import sys; sys.exit(sys.version_info >= (3, 12))'; then \
		$(MAKE) --no-print-directory $(LOWEST)/installed && \
		$(LOWEST)/bin/python -m pip list --disable-pip-version-check --format=freeze | \
			grep -E '^(scikit-learn|numpy|scipy|autograd|joblib)=' && \
		$(LOWEST)/bin/python -m pytest -n auto --dist loadgroup --few-cases $(PYTEST_ARGS); \
	else \
		echo "test-lowest skipped: the lowest versions have no wheels for Python 3.12 and later;" \
			"name an older one with LOWEST_PYTHON=python3.11"; \
	fi

## make fuzz         try N generated cases, drawn from SEED; a script for each that fails
fuzz: N ?= 200
fuzz: SEED ?= 0
fuzz: $(VENV)/installed-test
	cd tests && ../$(VENV)/bin/python -m generated --n $(N) --seed $(SEED)

## make lint         check the code's rules, its formatting and its types, with ruff and mypy
lint: $(VENV)/installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

## make examples     run every example; figures are drawn, not shown
examples: $(VENV)/installed-examples
	@set -e; for example in examples/*.py; do \
		echo "== $$example"; \
		MPLBACKEND=Agg $(VENV)/bin/python $$example; \
	done

## make doc          build the documentation, in doc/_build/html; a warning is an error
doc: $(VENV)/installed-doc
	$(VENV)/bin/python -m sphinx -W --keep-going --quiet -d doc/_build/doctrees doc doc/_build/html
	@test -f doc/_build/html/index.html && echo "Open doc/_build/html/index.html"

## make package      build wheel and sdist, and try the wheel in an empty environment
package: $(VENV)/installed-dev
	rm -rf dist
	$(VENV)/bin/python -m build --outdir dist . > /dev/null
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	$(PYTHON) -m venv "$$folder/venv"; \
	"$$folder/venv/bin/python" $(INSTALL) dist/skinfluence-*.whl; \
	cp .ci/smoke_test.py "$$folder"; \
	cd "$$folder" && venv/bin/python -I smoke_test.py
	@ls dist

## make clean        remove what the other targets made
clean:
	rm -rf $(VENV) $(LOWEST) dist doc/_build doc/auto_examples doc/generated
	rm -rf .mypy_cache .pytest_cache .ruff_cache doc/sg_execution_times.rst

# One virtual environment and one stamp file a set of extras: pip runs again only when
# pyproject.toml has changed. The package is installed in place, so edits need no new install.

$(VENV)/bin/python:
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "skinfluence needs Python 3.10 or later; name one with PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@$(VENV)/bin/python $(INSTALL) 'pip>=21.3'  # the first that installs in place from a pyproject

$(VENV)/installed-examples: EXTRAS := data,plot,report
$(VENV)/installed-%: EXTRAS = $*
$(VENV)/installed-%: pyproject.toml | $(VENV)/bin/python
	@echo "Installing skinfluence[$(EXTRAS)] (a minute or two the first time)"
	@$(VENV)/bin/python $(INSTALL) --editable '.[$(EXTRAS)]'
	@touch $@

$(LOWEST)/installed: pyproject.toml Makefile
	@echo "Making $(LOWEST) with $$($(LOWEST_PYTHON) --version) and the lowest versions"
	@rm -rf $(LOWEST)
	@$(LOWEST_PYTHON) -m venv $(LOWEST) || { rm -rf $(LOWEST); exit 1; }
	@$(LOWEST)/bin/python $(INSTALL) 'pip>=21.3'
	@$(LOWEST)/bin/python $(INSTALL) $(LOWEST_VERSIONS) --editable '.[test]'
	@touch $@
