# What `make` alone shows. The work is in scripts/, one function or file a step; nothing is hidden here.

PORT ?= 8787
export PORT
SEED ?= 7
OPS ?= 1000000

.DEFAULT_GOAL := help
.PHONY: help run simulator test lint trace bench setup clean

help: ## Shows this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

run: ## Builds Sendgate and starts it on http://127.0.0.1:8787 (PORT=... and PROVIDER=postmark change that)
	@scripts/run.sh

simulator: ## Starts the ESP simulator alone, for testing any client: HTTP on 8025, SMTP on 2525 and 2465 (SIMULATOR="--help" tells more)
	@scripts/simulator.sh $(SIMULATOR)

test: ## Runs every suite; `scripts/test.sh fmt unit` runs single ones, KEEP_GOING=1 goes on after a failure
	@scripts/test.sh

lint: ## Formatting and lints only
	@scripts/test.sh fmt clippy

trace: ## One random trace through every surface, which have to agree: make trace SEED=7 OPS=1000000
	@scripts/test.sh --wheel
	@scripts/trace.sh $(SEED) $(OPS)

bench: ## Measures against the rivals and writes docs/benchmarks.md and target/bench.json; BENCH="--quick" passes arguments
	@scripts/bench.sh $(BENCH)

setup: ## Installs the tools that a build needs into the checkout
	@scripts/setup.sh

clean: ## Removes everything that was built or installed into the checkout
	rm -rf target jvm/*/target .tools node_modules tests/browser/node_modules tests/sdk/node/node_modules javascript/node_modules javascript/dist wasm/build wasm/build-dev tests/artefacts .sendgate
