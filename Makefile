# Every command here works on a fresh clone. What they build goes to bin/, .cache/ and web/dist/, none of it committed.
SHELL := /bin/bash
BIN   := $(CURDIR)/.cache/bin
export PATH := $(BIN):$(PATH)
# The linter's own cache remembers the folder that a result came from; shared between clones it accuses the wrong one.
export GOLANGCI_LINT_CACHE := $(CURDIR)/.cache/golangci

.PHONY: help run build web test soak bench gen lint lint-go lint-api lint-web lint-repo vuln certs permify tally
.DEFAULT_GOAL := help

help:
	@sed -n 's/^## /  make /p' $(MAKEFILE_LIST)

## run        Beep with everything in one process, its data in ./data; prints its URL
run: build
	@bin/beep serve

## build      bin/beep with the web client in it
build: web
	go build -o bin/beep ./cmd/beep

## web        the client, when one of its sources changed
WEB := $(wildcard web/package.json)
web: $(if $(WEB),web/dist/index.html)

web/dist/index.html: web/node_modules/.package-lock.json $(if $(WEB),$(shell find web -not -path '*/node_modules/*' -not -path '*/dist/*' -type f))
	npm --prefix web run build
	@touch $@

web/node_modules/.package-lock.json: web/package-lock.json
	npm --prefix web ci --no-audit --no-fund
	@touch $@

## test       installs what the tests need and runs every suite; SUITE="unit e2e-all" runs some
test:
	.ci/suite $(SUITE)

## soak       the tests that inject faults, for hours, and five million worlds of permissions; SUITE=faults
soak:
	BEEP_SOAK=1 .ci/suite $(or $(SUITE),worlds faults)

## bench      sends, events and connections that this machine carries
bench: build
	bin/beep bench

## certs      certificates for targets that run apart on this machine, in ./data/certs
certs: build
	bin/beep dev-certs data/certs

## gen        Go from the contracts in api/
gen: $(addprefix $(BIN)/,buf protoc-gen-go protoc-gen-go-grpc protoc-gen-grpc-gateway protoc-gen-beep-openapi)
	buf generate

## lint       everything that can be said without running the product
lint: lint-repo lint-api lint-go lint-web vuln

lint-repo:
	.ci/check-commits
	.ci/check-words

lint-api: $(BIN)/buf
	buf lint
	@tag=$$(git describe --tags --abbrev=0 2>/dev/null); [ -z "$$tag" ] || buf breaking --against ".git#tag=$$tag"

lint-go: $(BIN)/golangci-lint
	go mod tidy -diff
	golangci-lint run ./...
	go test -count=1 -run 'TestArchitecture|TestDependencies|TestLinkedPackages' .

lint-web:
	@if [ -e web/package.json ]; then $(MAKE) --no-print-directory web/node_modules/.package-lock.json && npm --prefix web run lint; fi

# BEEP_VULNDB is a folder of the Go vulnerability database, a .tgz of one, or its address.
vuln: $(BIN)/govulncheck
	@.ci/vuln

# Programs that we only run: one nested module each, so that their dependencies are not ours.
$(BIN)/protoc-gen-beep-openapi: $(wildcard tools/protoc-gen-beep-openapi/*.go)
$(BIN)/%: tools/%/go.mod tools/%/go.sum
	@mkdir -p $(BIN)
	go build -C tools/$* -o $(BIN)/ tool
	@touch $@

## permify    Permify, for the tests that ask a real one; it is only ever run as a process
permify: $(BIN)/permify

tally: $(BIN)/tally
$(BIN)/tally: $(wildcard tools/tally/*.go)
	@mkdir -p $(BIN)
	go build -C tools/tally -o $(BIN)/
