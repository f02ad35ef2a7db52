# Every target first makes sure of what it needs (`make setup`, 30 ms when all is there). `make help` reads the ## comments.
#
# GNU make itself exits with 2 whenever a recipe fails. Where the exit code is the answer (0 GO, 1 NO-GO, 2 usage,
# 3 UNKNOWN, 4 governance) call `npx preflight run` directly, as CI does; `make preflight` names the code in its last line.

SHELL := /bin/bash
.DEFAULT_GOAL := help
# The pinned Node and the pinned tools come before the machine's own.
export PATH := $(CURDIR)/node_modules/.bin:$(CURDIR)/.tools/bin:$(PATH)
# Node keeps what it has compiled: half the time of each start.
export NODE_COMPILE_CACHE ?= $(CURDIR)/.preflight/compiled

# ARGS goes to the program behind a target, PROFILE to preflight:
#   make preflight PROFILE=static        make preflight ARGS='database/* --reporter json'        make test ARGS=service/test
ARGS ?=
PROFILE ?=

.PHONY: help setup ready preflight test prove steady dev bench bench-resting bench-restore chaos drills-table growth-table docs check-docs pack format clean

help: ## Show this list
	@echo 'Usage: make TARGET [ARGS="…"] [PROFILE=static|commit|release]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

setup: ## Find or install Node 26, PostgreSQL, k6 and the rest; says which
	@tools/setup.sh

# Set-up's lines go to stderr here: stdout belongs to the report.
ready:
	@tools/setup.sh >&2

preflight: ready ## May this release go live? GO, NO-GO or UNKNOWN, with the evidence
	@preflight run $(if $(PROFILE),--profile $(PROFILE)) $(ARGS); code=$$?; \
	if [ $$code -ne 0 ]; then echo "make preflight: exit code $$code (make reports any failure as 2; npx preflight run exits with $$code)" >&2; fi; \
	exit $$code

test: ready ## Types, format, scripts, generated documents, then every test; names what failed
	@tools/test.sh $(ARGS)

prove: ready ## Break a throwaway stack for every gate: each must turn red, and green again
	@preflight prove $(ARGS)

steady: ready ## The same tree, judged 20 times: the same verdict and findings each time
	@node tools/steady.ts $(ARGS)

dev: ready ## A throwaway stack that stays up, with its addresses and keys; Ctrl-C ends it
	@preflight sandbox $(ARGS)

bench: ready ## Placement over HTTP beside the same SQL under pgbench, as a ratio
	@preflight sandbox -- sh -c 'TRADER_KEYS=$$WRITER_KEYS exec node service/bench/placement.ts $(ARGS)'

bench-resting: ready ## A processor's cycle with 1,000,000 resting orders beside 10,000, as a ratio
	@node service/bench/resting-orders.ts $(ARGS)

bench-restore: ready ## A restore that is compared beside plain pg_restore of the same database, as a ratio
	@node checks/bench/restore.ts $(ARGS)

chaos: ready ## Ten minutes of random trading with kills of service, PostgreSQL and Redis, then the audit
	@node service/bench/chaos-audit.ts $(ARGS)

drills-table: ready ## Run every drill once, and write what was struck and seen into DRILLS.md
	@mkdir -p .preflight
	@preflight run 'drills/*' --reporter json=.preflight/drills.json --reporter console $(ARGS)
	@node tools/drills-table.ts .preflight/drills.json

growth-table: ready ## Plan the hot queries on up to 1,000,000 rows (PLAN_ROWS=N: on N more), and write GROWTH.md
	@mkdir -p .preflight
	@preflight run database/hot-queries-use-indexes --long --reporter json=.preflight/growth.json --reporter console $(ARGS)
	@node tools/growth-table.ts .preflight/growth.json

docs: ready ## Write GATES.md, CHECKLIST.md and the report's JSON Schema again from their sources
	@node tools/gates-document.ts --write
	@node tools/checklist-document.ts --write
	@node tools/report-schema.ts --write

check-docs: ready ## Fail when what `make docs` writes does not match its sources
	@node tools/gates-document.ts --check
	@node tools/checklist-document.ts --check
	@node tools/report-schema.ts --check

pack: ready ## Compile and pack preflight for another repository: preflight-VERSION.tgz
	@npm pack --ignore-scripts=false --workspace checks --silent

format: ready ## Format and fix what the linter can fix
	@biome check --write .

clean: ## Remove what runs have left: reports, coverage, and the stamp that lets set-up be brief
	@rm -rf .preflight coverage .tools/setup.stamp
