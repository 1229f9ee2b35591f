# Floodgate's commands. `make run` and `make test` are all that a fresh Debian machine with Swift needs: they install the
# system packages that are missing, build, and go. `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# What the code builds against, and what only the tests drive it with. Each has its reason in the list below.
BUILD_PACKAGES := libssl-dev libnghttp2-dev libyaml-dev libhiredis-dev pkg-config
COUNT_PACKAGES := gcc libc6-dev strace valgrind
TEST_PACKAGES := $(BUILD_PACKAGES) $(COUNT_PACKAGES) curl nghttp2-server openssl python3 python3-grpcio python3-websockets redis-server
BENCH_PACKAGES := nginx-light haproxy nghttp2-client openssl curl strace valgrind
SLOW_PACKAGES := slowhttptest
FUZZ_PACKAGES := $(BUILD_PACKAGES) lld python3

WHY_libssl-dev := TLS and digests (OpenSSL)
WHY_libnghttp2-dev := HTTP/2 (nghttp2)
WHY_libyaml-dev := reads the settings file (libyaml)
WHY_libhiredis-dev := reads Redis' replies (hiredis)
WHY_redis-server := a real Redis for the tests
WHY_pkg-config := finds them for the build
WHY_curl := a real HTTP client for the tests
WHY_python3 := runs the counts, the measurements and the WebSocket client
WHY_python3-websockets := a real WebSocket client for the tests
WHY_python3-grpcio := real clients and servers of gRPC for the tests
WHY_nghttp2-server := a real HTTP/2 server for the tests
WHY_lld := links the fuzz targets with libFuzzer
WHY_nghttp2-client := h2load asks by HTTP/2
WHY_openssl := makes certificates and OCSP responses for tests and measurements, and is a client of its own
WHY_strace := counts system calls
WHY_nginx-light := stands beside the gateway for comparison, and is the origin there
WHY_haproxy := stands beside the gateway for comparison
WHY_valgrind := counts instructions
WHY_slowhttptest := slow heads, bodies and readers as attackers send them
WHY_chromium := a real browser
WHY_testssl.sh := looks for weaknesses of TLS as scanners do
WHY_gcc := builds the counter of allocations
WHY_libc6-dev := builds the counter of allocations

FORMATTED := Package.swift Sources Tests

# Installs the packages in $(1) that are missing and says why; silent when all of them are there.
define install
missing=(); \
for package in $(1); do \
	[[ "$$(dpkg-query -W -f='$${Status}' "$$package" 2>/dev/null)" == "install ok installed" ]] || missing+=("$$package"); \
done; \
if (( $${#missing[@]} )); then \
	command -v apt-get >/dev/null || { echo "Please install, by this system's own means: $${missing[*]}" >&2; exit 1; }; \
	root=(); \
	if (( EUID != 0 )); then \
		command -v sudo >/dev/null || { echo "Please run as root: apt-get install $${missing[*]}" >&2; exit 1; }; \
		root=(sudo); \
	fi; \
	echo "Installing what is missing on this machine (apt-get$${root:+, with sudo}):"; \
	declare -A why=($(foreach package,$(1),[$(package)]="$(WHY_$(package))")); \
	for package in "$${missing[@]}"; do echo "  $$package: $${why[$$package]}"; done; \
	"$${root[@]}" apt-get update -qq; \
	"$${root[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends "$${missing[@]}" </dev/null; \
fi
endef

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: packages
packages:
	@$(call install,$(BUILD_PACKAGES))

.PHONY: testpackages
testpackages:
	@$(call install,$(TEST_PACKAGES))

# The debug build is up several times sooner than the release build, and the demo is for looking, not for measuring.
.PHONY: run
run: packages ## Start the demo: an origin and the gateway before it
	swift build --product floodgate
	@exec "$$(swift build --show-bin-path)/floodgate" demo

# One build serves the tests and the binary that the end-to-end tests start. The test run comes last, so that its closing
# lines are the last thing to read. What a request costs is counted on a release build: a debug build costs something else.
.PHONY: test
test: testpackages lint ## Lint, build, hold a request's cost to its ceilings, and run every test
	swift build --build-tests
	@$(MAKE) counts
	swift test --skip-build

# WRITE=1 writes the table of ceilings anew from what is measured.
.PHONY: counts
counts: packages ## Hold system calls, allocations and instructions per request to Benchmarks/counts/ceilings.txt
	@$(call install,$(COUNT_PACKAGES))
	@for product in floodgate loadgen microbench; do \
		swift build --configuration release --product "$$product"; \
	done
	/usr/bin/python3 Benchmarks/counts/counts.py $(if $(WRITE),--write)

# The slower proofs: minutes, not part of `make test`.
.PHONY: prove
prove: testpackages ## Show what is claimed: system calls, allocations, memory, reloads, drains
	swift build --configuration release --product floodgate
	swift build --configuration release --product loadgen
	/usr/bin/python3 Benchmarks/prove/prove.py

# ROUNDS, WINDOW (seconds) and ONLY="small64 1m" make it shorter; the results are in .build/bench too, or in OUTPUT.
.PHONY: bench
bench: packages ## Measure beside nginx and HAProxy with the same work; ROUNDS=1 ONLY=small64 is quick
	@$(call install,$(BENCH_PACKAGES))
	swift build --configuration release --product floodgate
	swift build --configuration release --product loadgen
	/usr/bin/python3 Benchmarks/bench/bench.py $(ONLY)

.PHONY: tokens
tokens: packages ## Measure what verifying a token costs in the running gateway, and beside HAProxy
	@$(call install,$(BENCH_PACKAGES))
	swift build --configuration release --product floodgate
	swift build --configuration release --product loadgen
	/usr/bin/python3 Benchmarks/bench/tokens.py

.PHONY: limits
limits: packages ## Measure limits beside nginx and HAProxy: cost, exactness, and what Redis adds
	@$(call install,$(BENCH_PACKAGES) redis-server)
	swift build --configuration release --product floodgate
	swift build --configuration release --product loadgen
	/usr/bin/python3 Benchmarks/bench/limits.py

.PHONY: microbench
microbench: packages ## Measure parsers, stages and tables alone, in nanoseconds per operation
	swift build --configuration release --product microbench
	@"$$(swift build --configuration release --show-bin-path)/microbench"

.PHONY: slow
slow: testpackages ## Show what slow clients, crowds and floods do to a neighbour
	@$(call install,$(SLOW_PACKAGES))
	swift build --configuration release --product floodgate
	swift build --configuration release --product loadgen
	/usr/bin/python3 Benchmarks/prove/prove.py --slow

# RIVAL=nginx or RIVAL=haproxy puts that in the gateway's place, to see what is claimed beside it.
.PHONY: provetls
provetls: testpackages ## Show HTTP/2 over TLS: late events, unread answers, floods, new certificates
	@$(call install,$(BENCH_PACKAGES))
	swift build --configuration release --product floodgate
	swift build --configuration release --product loadgen
	/usr/bin/python3 Benchmarks/prove/prove.py --tls $(if $(RIVAL),--rival $(RIVAL))

.PHONY: provelimits
provelimits: testpackages ## Show what limits do while their Redis hangs, dies, returns or answers nonsense
	@$(call install,$(BENCH_PACKAGES))
	swift build --configuration release --product floodgate
	swift build --configuration release --product loadgen
	/usr/bin/python3 Benchmarks/prove/prove.py --limits

# TLS as scanners see it, and a real browser: both install much that nothing else here needs.
.PHONY: browser
browser: packages ## Let a headless Chromium run fetches, streams and a WebSocket, and try CORS from two origins
	@$(call install,python3 chromium)
	swift build --product floodgate
	/usr/bin/python3 Tests/Browser/browser.py --floodgate "$$(swift build --show-bin-path)/floodgate"
	/usr/bin/python3 Tests/Browser/cors.py --floodgate "$$(swift build --show-bin-path)/floodgate"

.PHONY: testssl
testssl: packages ## Scan the gateway's TLS with testssl.sh: nothing above LOW but a private authority
	@$(call install,python3 testssl.sh)
	swift build --product floodgate
	/usr/bin/python3 Tests/Browser/testssl.py --floodgate "$$(swift build --show-bin-path)/floodgate"

.PHONY: simulate
simulate: packages ## Run 10,000 seeded schedules of a worker against misbehaving peers
	swift build --configuration release --build-tests -Xswiftc -enable-testing
	FLOODGATE_SIMULATION_COUNT=10000 swift test --configuration release -Xswiftc -enable-testing \
		--skip-build --filter Simulation

# Every byte of every exchange is held to what was sent. The seed that it prints repeats what was asked.
.PHONY: soak
soak: packages ## Ten minutes (SOAK_SECONDS) of clients and origins that misbehave (SOAK_SEED)
	@$(call install,python3)
	swift build --configuration release --product floodgate
	/usr/bin/python3 Benchmarks/soak/soak.py $(if $(SOAK_SECONDS),--seconds $(SOAK_SECONDS)) \
		$(if $(SOAK_SEED),--seed $(SOAK_SEED))

# Seconds for each of the targets. What is found, and the inputs that got furthest, are kept in .build/fuzz.
FUZZ_SECONDS := 60
FUZZ_TARGETS :=

.PHONY: fuzz
fuzz: ## Fuzz what strangers reach, FUZZ_SECONDS for each of FUZZ_TARGETS (all)
	@$(call install,$(FUZZ_PACKAGES))
	FLOODGATE_FUZZ=1 swift build --configuration release --scratch-path .build/fuzz/build --product fuzzer \
		-Xswiftc -sanitize=fuzzer,address -Xswiftc -use-ld=lld
	/usr/bin/python3 Tests/Fuzz/fuzz.py --fuzzer .build/fuzz/build/release/fuzzer --folder .build/fuzz \
		--seconds $(FUZZ_SECONDS) $(FUZZ_TARGETS)

# Only the gateway is built with a sanitizer: the tests around it are the ordinary ones. A race is written to a report and
# the gateway goes on; whatever AddressSanitizer finds ends it, and with it the test. One test after another: a gateway that
# is slow by itself need not wait for others too.
SANITIZE := .build/sanitize

.PHONY: sanitize
sanitize: testpackages ## Run the end-to-end tests with AddressSanitizer, then with ThreadSanitizer
	swift build --build-tests
	rm -f $(SANITIZE)/report.*
	for sanitizer in address thread; do \
		swift build --sanitize=$$sanitizer --scratch-path $(SANITIZE)/$$sanitizer --product floodgate; \
		FLOODGATE_BINARY="$(CURDIR)/$(SANITIZE)/$$sanitizer/debug/floodgate" \
			ASAN_OPTIONS="detect_leaks=0:log_path=$(CURDIR)/$(SANITIZE)/report" \
			TSAN_OPTIONS="exitcode=0:suppressions=$(CURDIR)/Tests/Sanitize/thread.txt:log_path=$(CURDIR)/$(SANITIZE)/report" \
			swift test --skip-build --no-parallel --filter EndToEnd; \
	done
	@! cat $(SANITIZE)/report.* 2>/dev/null || { echo "The sanitizers have found what stands above." >&2; exit 1; }

.PHONY: build
build: packages ## Build for debugging
	swift build

.PHONY: release
release: packages ## Build the binary to deploy, with Swift's libraries inside
	swift build --configuration release --static-swift-stdlib --product floodgate
	@echo "$$(swift build --configuration release --static-swift-stdlib --show-bin-path)/floodgate"

.PHONY: lint
lint: ## Check the format of the code
	swift format lint --strict --recursive --parallel $(FORMATTED)

.PHONY: format
format: ## Format the code
	swift format format --in-place --recursive --parallel $(FORMATTED)

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf .build
