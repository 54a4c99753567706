# `make run` serves a real model here; `make test` runs all tests.
# Each target sets up what it needs.

SHELL      := /bin/bash
GO         ?= go
PROGRAMS   := bin/radiant bin/executor bin/storage-initializer

TESTED     = $(GO) list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...

.DEFAULT_GOAL := help
.PHONY: help build images release run test test-packages test-processes test-suites race e2e e2e-long check golden bench bench-go bench-storage scale fuzz hashes generate clean $(PROGRAMS)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: $(PROGRAMS) ## Build bin/radiant, bin/executor and bin/storage-initializer

# Go decides what is out of date. Programs are built with the same flags
# everywhere, so that what they are made of is compiled once; the linker adds the
# commit, which --version prints.
bin/radiant:             ; @scripts/need.sh @build >/dev/null && CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -ldflags '-s -w' -o $@ ./operator
bin/executor:            ; @scripts/need.sh @build >/dev/null && CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -ldflags '-s -w' -o $@ ./executor
bin/storage-initializer: ; @scripts/need.sh @build >/dev/null && CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -ldflags '-s -w' -o $@ ./initializer

images: ## Build the container images into bin/images
	@scripts/need.sh @images >/dev/null
	@$(GO) run ./images -o bin/images

release: ## What is published of the commit, into bin/release. PREFIX=HOST/FOLDER/ goes before images' names
	@scripts/need.sh @images >/dev/null
	@$(GO) run ./images -prefix "$(PREFIX)" -release bin/release

run: ## Serve the MNIST sample on localhost:8003; PORT=9000 is another port
	@echo "building; the first time takes a minute or two"
	@$(MAKE) --no-print-directory -s build
	@scripts/need.sh @run >/dev/null
	@bin/radiant local --port $(or $(PORT),8003) samples/mnist/mnist.yaml

# Tests of the product's packages look for races. Those of tests/ and of images do not:
# they start programs, most of which are not Go, and wait for them, so that the detector
# would see little and cost much. Several of them run at once, after the packages, whose
# tests would have too little of the processors beside them. They are built with the flags
# of programs, and always run, since Go does not know what the programs are made of. The
# executor's conformance within the test program is looked at for races as well, and serving
# from Kafka by an executor that is built with the detector.
test: ## Run all tests: those of the product's packages with the race detector, then those of tests/
	@scripts/need.sh @build @test >/dev/null
	@$(MAKE) --no-print-directory -j1 -k test-packages test-processes test-suites

test-packages:
	$(GO) test -race -trimpath -timeout 25m $$($(TESTED) | grep -v -e /tests/ -e '/images$$')

test-processes:
	$(GO) test -race -trimpath -timeout 25m -run '^TestInProcess$$' ./tests/conformance

test-suites:
	CGO_ENABLED=0 $(GO) test -trimpath -timeout 25m -count=1 -p 2 -parallel 2 -skip '^TestInProcess$$' $$($(TESTED) | grep -e /tests/ -e '/images$$')

race: ## Run all tests, also those of tests/, with the race detector (half an hour)
	@scripts/need.sh @build @test >/dev/null
	$(GO) test -race -trimpath -timeout 25m -count=1 ./...

e2e: ## Run the cases that need a cluster, on a single-node Kubernetes made for the run (root, Linux)
	@scripts/e2e.sh -v

e2e-long: ## Many large messages in the memory of a container (root, Linux; some minutes), 200,000 answers of the local gateway, two whole releases, a gateway with passwords, training and then serving (on a cluster as well), 200 training jobs at once, a million rows judged and watched for drift, what 500 deployments without pods cost the operator and the activator, all cases of samples, ten samples at zero on a laptop, new versions of LightGBM, requests in waves with faults in their midst
	RADIANT_E2E_LONG=1 $(GO) test -timeout 30m -count=1 -v ./tests/memory
	RADIANT_E2E_LONG=1 $(GO) test -timeout 30m -count=1 -v -run TestNoAnswerIsCut ./local/gateway
	RADIANT_E2E_LONG=1 $(GO) test -timeout 30m -count=1 -v -run NotGrow ./executor/builtin
	RADIANT_E2E_LONG=1 $(GO) test -timeout 30m -count=1 -v -run TestIdle ./activator/cluster
	RADIANT_E2E_LONG=1 $(GO) test -timeout 60m -count=1 -v -run TestReleaseIsReproducible ./images
	RADIANT_E2E_LONG=1 $(GO) test -timeout 30m -count=1 -v -run TestPasswordsAtTheGateway ./tests/samples
	RADIANT_E2E_LONG=1 $(GO) test -timeout 60m -count=1 -v -run 'TestSamples|TestTraining|TestHeavySamples|TestTenAtZero' ./tests/samples
	$(GO) test -timeout 30m -count=1 -v ./tests/python
	RADIANT_E2E_LONG=1 $(GO) test -timeout 30m -count=1 -v -run TestHuggingFace ./tests/crossed
	RADIANT_E2E_LONG=1 $(GO) test -timeout 30m -count=1 -v -run 'TestANewBento|TestNewTreesAreServed|TestHugeTree' ./tests/stores
	RADIANT_E2E_LONG=1 scripts/e2e.sh -v -run 'TestTFJob|TestScalesBothWays|TestMPIJobFails|TestMPIJobOfUsers|TestTrainingRecovers|TestWavesLoseNothing|TestHeldRequestsArePods|TestFromZero|TestColdStart|TestManyAtZero|TestIdleIsQuiet|TestALimitComesAndGoes|TestGoingBackToAVersion|TestNewVersions|TestModelsAsImages'
	RADIANT_E2E_LONG=1 $(GO) test -timeout 30m -count=1 -v -run TestManyAtOnce ./operator/training

check: ## Formatting, vet and lint of Go and of shell scripts
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || { echo 'run gofmt -w on these files'; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags e2e ./tests/e2e
	@scripts/need.sh @check >/dev/null
	"$$(scripts/need.sh shellcheck)" scripts/*.sh findings/*.sh .ci/run
	"$$(scripts/need.sh golangci-lint)" run --build-tags e2e ./...

golden: ## Rewrite the expected outputs from what the code does now
	$(GO) test ./expand ./train -update
	$(GO) test ./tests/arch -run 'TestPagesShowTheSettings|TestFieldsAreWrittenDown' -update
	$(GO) test ./executor/program ./operator/controller -run TestMetricsAreWrittenDown -update

bench: bin/executor ## Write docs/benchmarks.md anew: beside nginx and a bare gRPC proxy. BEFORE=PATH: one case, with another build. Then what built-in nodes cost, row by row
	@scripts/need.sh @bench >/dev/null
	@$(GO) build -o bin/bench ./tests/tools/bench && bin/bench $(if $(BEFORE),-before $(BEFORE),-page docs/benchmarks.md)
	@$(if $(BEFORE),,$(GO) test -run '^$$' -bench 'Detector|Scores|Drift|Combiner|Transformer|Rules|Formula' -benchmem ./executor/builtin ./rule)

bench-go: ## The Go benchmarks: what single parts cost, without a network
	$(GO) test -run '^$$' -bench . -benchmem ./graph ./executor/... ./expand

bench-storage: ## Throughput and memory of a fetch beside rclone copy and a plain client
	@scripts/need.sh @bench-storage >/dev/null
	$(GO) test -run '^$$' -bench Throughput -benchtime 1x -timeout 30m ./tests/stores

scale: bin/radiant ## 1,000 deployments on a real API server: time, calls and memory of the operator
	@scripts/need.sh @scale >/dev/null
	@$(GO) build -o bin/scale ./tests/tools/scale && bin/scale

fuzz: ## Run each fuzz target for ten minutes; FUZZTIME=1m makes it shorter
	scripts/fuzz.sh $(or $(FUZZTIME),10m)

hashes: ## Rewrite the digests in lists of Python packages, from the package index
	@scripts/need.sh @hashes >/dev/null
	"$$(scripts/need.sh python)" scripts/hashes.py "$$(scripts/need.sh uv)" $$(git grep -l -e '--hash=sha256:' -- '*.txt')

generate: ## Regenerate deep copies and protobuf code
	@scripts/need.sh @generate >/dev/null
	scripts/generate.sh

clean: ## Remove what build made; the cache folder stays
	rm -rf bin
