# Every command here works on a fresh clone. What they build goes to bin/, .cache/ and web/dist/, none of it committed.
SHELL := /bin/bash
BIN   := $(CURDIR)/.cache/bin
export PATH := $(BIN):$(PATH)

.PHONY: help gen lint lint-go lint-api lint-web lint-repo vuln
.DEFAULT_GOAL := help

help:
	@sed -n 's/^## /  make /p' $(MAKEFILE_LIST)

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
	go test -count=1 -run 'TestArchitecture|TestLinkedPackages' .

lint-web:
	@if [ -e web/package.json ]; then $(MAKE) --no-print-directory web/node_modules/.package-lock.json && npm --prefix web run lint; fi

# BEEP_VULNDB is a folder of the Go vulnerability database, a .tgz of one, or its address.
vuln: $(BIN)/govulncheck
	@.ci/vuln

web/node_modules/.package-lock.json: web/package-lock.json
	npm --prefix web ci --no-audit --no-fund

# Programs that we only run: one nested module each, so that their dependencies are not ours.
$(BIN)/protoc-gen-beep-openapi: $(wildcard tools/protoc-gen-beep-openapi/*.go)
$(BIN)/%: tools/%/go.mod tools/%/go.sum
	@mkdir -p $(BIN)
	go build -C tools/$* -o $(BIN)/ tool
	@touch $@
