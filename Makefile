# make site | serve | test | mutants | clean, and for maintainers: tracked | reproduce | bench
# Each sets up .venv itself. On Linux add TORCH_INDEX=https://download.pytorch.org/whl/cpu
# unless you want the CUDA build of torch (several gigabytes), which is PyPI's default.

PYTHON ?= python3
TORCH_INDEX ?=
PYTEST_ARGS ?= -n 3 --dist loadfile

export OMP_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1
export MKL_NUM_THREADS = 1
export MPLBACKEND = Agg
export NO_MKDOCS_2_WARNING = 1
export PYTHONDONTWRITEBYTECODE = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

BIN = .venv/bin
PIP_VERSION = 26.0
INSTALL = $(BIN)/pip install --quiet --constraint constraints.txt \
          $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
NPM_CI = PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --prefix

.PHONY: site serve test mutants tracked reproduce bench clean
.DELETE_ON_ERROR:

site: .venv/site-ready
	$(BIN)/mkdocs build --strict

serve: .venv/site-ready
	$(BIN)/mkdocs serve

test: .venv/test-ready site
	$(BIN)/ruff check .
	$(BIN)/pytest $(PYTEST_ARGS)

mutants: .venv/test-ready # break the snippets on purpose: do the tests notice? make mutants S=snippets/lstm/step.py
	$(BIN)/python tests/mutants.py $(S)

tracked: site # the files that the build makes and git keeps: images/*.png, docs/notebooks
	$(BIN)/python -m hooks.tracked

reproduce: .venv/site-ready # run the studies, or one, anew, all or a part: make reproduce S=snippets/speed/layers.py SHARD=2/8
	SHARD=$(SHARD) $(BIN)/python -m hooks.reproduce $(S)

bench: .venv/site-ready
	$(BIN)/python tests/bench.py

clean:
	rm -rf .venv .cache .ruff_cache site .site-* hooks/node_modules tests/node_modules

.venv/pip-ready: Makefile
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Makefile: $(PYTHON) is not Python 3.11 to 3.13 (name one: make PYTHON=python3.12)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet pip==$(PIP_VERSION)
	@touch $@

.venv/site-ready: .venv/pip-ready pyproject.toml constraints.txt hooks/package-lock.json
	$(INSTALL) --group site
	$(NPM_CI) hooks
	@touch $@

.venv/test-ready: .venv/site-ready tests/package-lock.json
	$(INSTALL) --group test
	$(NPM_CI) tests
	$(BIN)/python tests/browser.py
	@touch $@
