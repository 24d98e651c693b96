# The everyday commands. "make" lists them.

.DEFAULT_GOAL := help
.PHONY: help run dashboard test race lint fmt generate bench ci

help: ## list these commands
	@sed -n 's/^\([a-z]*\): *## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

run: ## run the quickstart, against a Controller in memory
	go run ./examples/quickstart

dashboard: ## show a Controller in memory on http://127.0.0.1:8080
	go -C examples/dashboard run . -allow-writes

test: ## the tests of the SDK, without a network
	go test ./...

race: ## the same tests with the race detector, in random order
	go test -race -shuffle=on -count=1 ./...

lint: ## vet and staticcheck
	go vet ./...
	go tool -modfile=tools/go.mod staticcheck ./...

fmt: ## format all Go files
	git ls-files -z '*.go' | xargs -0 gofmt -w

generate: ## regenerate the tables in docs
	go generate ./...

bench: ## compare the SDK with net/http by hand, in 12 minutes
	go -C tools run ./bench -short

ci: ## all checks, as CI runs them
	bash .ci/run
