# RLHF-Contract-Wizard. `make` alone lists what there is.
#
# Needs Python 3.11 or newer, Node 20 or newer and GNU make. Everything else comes from the lock files
# (requirements/*.txt, package-lock.json) into .venv, .venv-brownie, .venv-analysis, .venv-trainers, .venv-fuzz, .venv-bench and
# node_modules; only torch, whose builds differ from place to place, comes by name and version (TORCH).

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test environments faults soak lint format analyse monitoring bench fuzz lock clean

# The compiler is the npm `solc` of package-lock.json, behind an executable that py-solc-x and Brownie can call.
export SOLCX_BINARY_PATH := $(CURDIR)/toolchain
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export RUFF_OUTPUT_FORMAT := concise

BIN       := .venv/bin
ARTIFACTS := python/rlhf_contract/chain/artifacts
PAGE      := python/rlhf_contract/web/static
PAGE_TYPES = npm --prefix app run --silent check
PAGE_STYLE = prettier --log-level warn --config app/.prettierrc.json --ignore-path app/.prettierignore
PAGE_SOURCES = app/index.html app/abi.mjs app/vite.config.ts spec/log2.json $(shell find app/src app/public -type f -not -name '*.generated.ts' 2>/dev/null)
SOLIDITY   = $(shell find contracts -name '*.sol' 2>/dev/null)
PIP_QUIET := -qq --disable-pip-version-check --no-input --progress-bar off
UV_VERSION := 0.13.9

say = printf '%-9s %s\n' "$(1)" "$(2)"

help: ## this list
	@printf 'RLHF-Contract-Wizard\n\n'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 16

# ---- for everybody ---------------------------------------------------------------------------------------------

setup: .venv/project node_modules/.package-lock.json $(ARTIFACTS)/.stamp $(PAGE)/index.html ## install the locked tools, compile the contracts, build the page

demo: setup ## the whole story on a local chain, then the page; DATA=file.parquet rewards your own samples
	@$(BIN)/rlhf-contract demo $(if $(DATA),--data "$(DATA)")

test: setup ## lint and every test, two lanes at a time
	@$(MAKE) --no-print-directory --jobs=3 environments
	@$(BIN)/python tests/run.py

environments: app/node_modules/.tests .venv-brownie/project .venv-analysis/installed .venv-trainers/project

faults: setup ## what can happen to an oracle, performed on a local chain: faults × outcome
	@PYTHONPATH=tests:tests/e2e $(BIN)/python -W ignore -m faults

SOAK_SECONDS ?= 180

soak: setup ## three oracles under load while their surroundings fail; memory and losses; SOAK_SECONDS=180
	@$(BIN)/python -W ignore bench/soak.py --seconds $(SOAK_SECONDS)

lint: .venv/project node_modules/.package-lock.json app/node_modules/.tests $(ARTIFACTS)/.stamp ## style and types of the Python, the Solidity and the page
	@failed=; check() { $(call say,lint,$$*); "$$@" || failed="$$failed $$1"; }; \
	check $(BIN)/ruff check --quiet .; \
	check $(BIN)/ruff format --quiet --check .; \
	check $(BIN)/mypy --no-error-summary; \
	check $(PAGE_TYPES); \
	check $(PAGE_STYLE) --check app; \
	$(if $(SOLIDITY),check solhint --noPoster --max-warnings 0 'contracts/**/*.sol';) \
	$(if $(SOLIDITY),check prettier --log-level warn --check 'contracts/**/*.sol';) \
	if [ -n "$$failed" ]; then echo "lint failed:$$failed (\`make format\` mends the layout)" >&2; exit 1; fi

# ---- for those who change the project --------------------------------------------------------------------------

format: .venv/project node_modules/.package-lock.json ## rewrite the layout of the Python, the Solidity and the page
	@$(BIN)/ruff check --quiet --fix-only . && $(BIN)/ruff format --quiet .
	@$(if $(SOLIDITY),prettier --log-level warn --write 'contracts/**/*.sol')
	@$(PAGE_STYLE) --write app

analyse: setup .venv-analysis/installed ## slither and halmos over the contracts, held to docs/security.md; a minute
	@$(BIN)/python -m pytest -q tests/analysis

PROMTOOL ?= promtool

monitoring: ## promtool over the rules in deploy/monitoring; needs Prometheus installed
	@command -v $(PROMTOOL) >/dev/null || { echo "promtool is needed: install Prometheus (Debian and Ubuntu: \
	apt install prometheus), or name it with PROMTOOL=/folder/promtool" >&2; exit 1; }
	@$(PROMTOOL) check config --syntax-only deploy/monitoring/prometheus.yml
	@$(PROMTOOL) test rules deploy/monitoring/alerts_test.yml

bench: setup bench/node_modules/.package-lock.json .venv-bench/installed .venv-trainers/project ## everything that is said of speed and gas, beside others: bench/results.json; half an hour
	@$(BIN)/python bench/run.py

FUZZ_SECONDS ?= 120
FUZZ_SPECS ?= 5000

fuzz: setup .venv-fuzz/project ## look for rows that set executors apart, and files that break the reader; FUZZ_SECONDS=120
	@$(call say,fuzz,$(FUZZ_SPECS) generated contracts through every executor)
	@FUZZ_SPECS=$(FUZZ_SPECS) $(BIN)/python -m pytest -q tests/differential
	@$(call say,fuzz,the reader for $(FUZZ_SECONDS) seconds; what it finds is left in build/fuzz)
	@.venv-fuzz/bin/python fuzz/fuzz_parser.py --seconds $(FUZZ_SECONDS)

lock: ## resolve pyproject.toml and package.json into the lock files again
	@$(call say,lock,package-lock.json)
	@npm install --package-lock-only --ignore-scripts --loglevel=error
	@npm install --prefix bench --userconfig .npmrc --package-lock-only --ignore-scripts --loglevel=error
	@npm install --prefix app --userconfig .npmrc --package-lock-only --ignore-scripts --loglevel=error
	@$(call find_python) && "$$python" -m venv --clear build/lock
	@build/lock/bin/pip install $(PIP_QUIET) uv==$(UV_VERSION)
	@$(call say,lock,requirements/product.txt) && $(call resolve,pyproject.toml --extra editor --extra cross-check --extra postgresql --extra s3 --extra speed --extra fit --extra scorers --extra redis --group dev,product)
	@$(call say,lock,requirements/brownie.txt) && $(call resolve,pyproject.toml --group brownie,brownie)
	@$(call say,lock,requirements/fuzz.txt) && $(call resolve,pyproject.toml --group fuzz,fuzz)
	@$(call say,lock,requirements/analysis.txt) && $(call resolve,--group analysis,analysis)
	@$(call say,lock,requirements/bench.txt) && $(call resolve,--group bench,bench)
	@$(call say,lock,requirements/trainers.txt) && $(call resolve,--excludes requirements/trainers.excluded --overrides <(echo '$(RAY)') pyproject.toml --extra scorers --extra presidio --group trainers,trainers)
	@$(call say,lock,requirements/clients.txt) && $(call resolve,--no-deps --group clients,clients)

clean: ## remove what was built, keep the environments
	@rm -rf build dist $(ARTIFACTS) $(PAGE) .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -not -path './.venv*' -not -path './node_modules/*' -not -path './app/node_modules/*' -prune -exec rm -rf {} +

# One lock for every platform and Python >= 3.11, with hashes and without any address.
resolve = build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	$(1) $(if $(findstring --no-deps,$(1)),,--group build) --output-file requirements/$(2).txt

# ---- how the environments come about; each stamp is newer than the lock that it was made from --------------------

# Sets $python to the first interpreter that is new enough, PYTHON=… first.
find_python = python=; for p in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	if "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$p; break; fi; done; \
	if [ -z "$$python" ]; then echo "Python 3.11 or newer is needed: install python3.11 (python.org, your package \
	manager, pyenv) or name one with make PYTHON=/path/to/python3.11" >&2; exit 1; fi

# $(call environment,folder,lock): a fresh environment with exactly the lock in it
define environment
$(call find_python); \
	$(call say,python,$(1): $$("$$python" --version)$(comma) $$(grep -c '^[a-zA-Z]' requirements/$(2).txt) packages of requirements/$(2).txt (about a minute)); \
	"$$python" -m venv --clear $(1) || { echo "Python has no venv module: on Debian and Ubuntu, apt install python3-venv" >&2; exit 1; }; \
	$(1)/bin/python -m pip install $(PIP_QUIET) --require-hashes -r requirements/$(2).txt
endef
comma := ,

.venv/installed: requirements/product.txt
	@$(call environment,.venv,product)
	@touch $@

.venv-brownie/installed: requirements/brownie.txt
	@$(call environment,.venv-brownie,brownie)
	@# Brownie's compiled modules raise TypeError on settings that its own .py sources, beside them, accept.
	@find .venv-brownie/lib/python*/site-packages/brownie -name '*.so' -delete
	@touch $@

.venv-fuzz/installed: requirements/fuzz.txt
	@$(call environment,.venv-fuzz,fuzz)
	@touch $@

# torch first, with what it needs: the lock then brings everything else to its own version.
TORCH ?= torch==2.13.0
# verl asks for ray with a dashboard, which no test needs.
RAY := ray>=2.55,<2.56

.venv-trainers/installed: requirements/trainers.txt requirements/clients.txt
	@$(call find_python); \
		$(call say,python,.venv-trainers: $(TORCH)$(comma) $$(grep -c '^[a-zA-Z]' requirements/trainers.txt) packages of requirements/trainers.txt (minutes)); \
		"$$python" -m venv --clear .venv-trainers && \
		.venv-trainers/bin/python -m pip install $(PIP_QUIET) '$(TORCH)' && \
		.venv-trainers/bin/python -m pip install $(PIP_QUIET) --require-hashes --no-deps -r requirements/trainers.txt && \
		.venv-trainers/bin/python -m pip install $(PIP_QUIET) --require-hashes --no-deps --target .venv-trainers/clients -r requirements/clients.txt
	@touch $@

.venv-analysis/installed: requirements/analysis.txt
	@$(call environment,.venv-analysis,analysis)
	@touch $@

.venv-bench/installed: requirements/bench.txt
	@$(call environment,.venv-bench,bench)
	@touch $@

.venv/project .venv-brownie/project .venv-fuzz/project .venv-trainers/project: %/project: %/installed pyproject.toml
	@$*/bin/python -m pip install $(PIP_QUIET) --no-build-isolation --no-deps --editable .
	@touch $@

node_modules/.package-lock.json: package-lock.json
	@if ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null || ! command -v npm >/dev/null; then \
		echo "Node 20 or newer with npm is needed: install it from nodejs.org, your package manager or nvm" >&2; exit 1; fi
	@$(call say,node,node_modules: Node $$(node --version)$(comma) package-lock.json)
	@npm ci --ignore-scripts --loglevel=error --no-fund --no-audit >/dev/null
	@touch $@

bench/node_modules/.package-lock.json: bench/package-lock.json
	@$(call say,node,bench/node_modules: what the benchmark measures ours against)
	@npm ci --prefix bench --userconfig .npmrc --ignore-scripts --loglevel=error --no-fund --no-audit >/dev/null
	@touch $@

# What builds the page, then also what tests it (a browser of 60 MB): a newcomer waits for the first alone.
npm_app = npm ci --prefix app --userconfig .npmrc --ignore-scripts --loglevel=error --no-fund --no-audit $(1) >/dev/null

app/node_modules/.page: app/package-lock.json node_modules/.package-lock.json
	@$(call say,node,app/node_modules: what builds the page)
	@$(call npm_app,--omit=dev)
	@touch $@

app/node_modules/.tests: app/package-lock.json node_modules/.package-lock.json
	@$(call say,node,app/node_modules: what builds and tests the page)
	@$(call npm_app,)
	@touch app/node_modules/.page $@

$(PAGE)/index.html: $(PAGE_SOURCES) $(ARTIFACTS)/.stamp app/node_modules/.page
	@$(call say,page,app → $(PAGE))
	@npm --prefix app run --silent build -- --logLevel warn
	@touch $@

$(ARTIFACTS)/.stamp: python/rlhf_contract/chain/solidity.py .venv/project node_modules/.package-lock.json toolchain/solc-v0.8.30 $(SOLIDITY)
	@$(call say,compile,contracts → $(ARTIFACTS))
	@$(BIN)/rlhf-contract compile
	@mkdir -p $(@D) && touch $@
