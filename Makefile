# Every command here works on a fresh clone. What they build goes to bin/, .cache/ and web/dist/, none of it committed.
SHELL := /bin/bash
BIN   := $(CURDIR)/.cache/bin
export PATH := $(BIN):$(PATH)

.PHONY: gen

# Programs that we only run: one nested module each, so that their dependencies are not ours.
$(BIN)/%: tools/%/go.mod tools/%/go.sum
	@mkdir -p $(BIN)
	go build -C tools/$* -o $(BIN)/ tool
	@touch $@

GEN := $(addprefix $(BIN)/,buf protoc-gen-go protoc-gen-go-grpc protoc-gen-grpc-gateway)

## gen: Go from the contracts in api/
gen: $(GEN)
	buf generate
