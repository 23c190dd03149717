# Every target is one thing that a person may want to do. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

GOLANGCI_LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZTIME ?= 20s

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/promoter
	CGO_ENABLED=0 go build -trimpath -o bin/promoter ./cmd/promoter

.PHONY: demo
demo: build ## the product on a small world of its own on loopback: needs Go and Git, nothing else
	@bin/promoter demo

.PHONY: test
test: ## run the tests
	go test ./...

.PHONY: realforge
realforge: ## install what judges the forge drivers: emulate, GitHub's OpenAPI description and recorded webhooks, Gitea (nine CPU minutes, once)
	cd test/realforge && npm ci --ignore-scripts
	test/realforge/gitea.sh build

.PHONY: test-forges
test-forges: ## hold the forge drivers to one suite: on the fake, on a real Gitea, on emulate, judged by GitHub's OpenAPI
	PROMOTER_REAL_FORGES=1 go test -count=1 -v -run 'Conformance|OpenAPI|Recorded|Gitea' ./gitops/github ./gitops/gitea ./gitops/webhook

SEEDS ?= 100000
FROM ?= 0
.PHONY: sim
sim: ## tell SEEDS simulated stories, from seed FROM on, that try to make it do harm
	time go test -count=1 -timeout 24h ./test/sim -run Stories -v -args -seeds $(SEEDS) -from $(FROM)

.PHONY: mutants
mutants: ## plant mistakes in the core, and see that the simulator finds them
	go test -count=1 -timeout 3h ./test/sim/mutants -run Mutants -v -all

.PHONY: e2e
e2e: ## the stories against real Kubernetes, Argo CD, Flux, Prometheus (their servers are built once, in about 25 minutes)
	test/e2e/servers/build.sh build >/dev/null && test/realforge/gitea.sh build >/dev/null
	test/e2e/tell.sh

.PHONY: lab
lab: ## the same world, left running to play with
	cd test/e2e && go run ./lab

.PHONY: lint
lint: ## run the linters
	$(GOLANGCI_LINT) run --timeout 20m ./...

.PHONY: update
update: ## write the golden files anew: read the diff before you commit it
	go test ./templates -update
	go test ./cmd/promoter -run TestStories -update

.PHONY: fuzz
fuzz: ## fuzz every parser and edit for FUZZTIME each
	@set -e; grep -rl --include=*_test.go '^func Fuzz' . | sort | while read -r f; do \
	  for name in $$(grep -o '^func Fuzz[A-Za-z0-9_]*' $$f | cut -c6-); do \
	    go test ./$$(dirname $$f) -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME); \
	  done; done

.PHONY: bench
bench: ## run the Go benchmarks
	go test -run '^$$' -bench . -benchmem ./promoter/... ./detectors/... ./gitops/...

.PHONY: bench-scan
bench-scan: build ## scan 10 to 5,000 generated Applications, side by side with Renovate from npm
	go run ./test/bench/renovate -promoter bin/promoter

.PHONY: bench-pulls
bench-pulls: build ## open 19 pull requests on a real Gitea (see realforge), side by side with Renovate
	go run ./test/bench/renovate -promoter bin/promoter -pulls 19

.PHONY: bench-scale
bench-scale: build ## what test/scale/README.md tells of: a provider's year, replicas of which one is killed, repositories and engines with very much in them (an hour of CPU)
	go run ./test/scale/year -tenants 50 -apps 4 -charts 12
	go run ./test/scale/year -tenants 1 -days 21
	go run ./test/scale/year -tenants 50 -days 4
	go run ./test/scale/replicas -promoter bin/promoter
	go run ./test/scale/big watch && go run ./test/scale/big watch -kube
	go run ./test/scale/big repository && go run ./test/scale/big manifests
