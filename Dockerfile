# syntax=docker/dockerfile:1

# --- Builder: Swift's libraries go into the binary, so the runtime needs no Swift.
FROM swift:6.3-bookworm AS builder
RUN apt-get update \
    && apt-get install -y --no-install-recommends libssl-dev libnghttp2-dev libyaml-dev libhiredis-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /floodgate
# The manifest alone first: dependencies are fetched again only when it changes.
COPY Package.swift ./
RUN swift package resolve
COPY Sources Sources
# The manifest names the targets of tests and tools, so their folders must be there; nothing of them is built.
COPY Tests Tests
COPY Benchmarks Benchmarks
RUN swift build --configuration release --static-swift-stdlib --product floodgate \
    && install -D -m 0755 \
        "$(swift build --configuration release --static-swift-stdlib --show-bin-path)/floodgate" \
        /out/floodgate \
    && strip /out/floodgate

# --- Runtime: the binary, the libraries that it links, and nothing more.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 libnghttp2-14 libyaml-0-2 libhiredis0.14 libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 65532 --user-group --no-create-home --shell /usr/sbin/nologin floodgate
COPY --from=builder /out/floodgate /usr/local/bin/floodgate
USER floodgate
WORKDIR /etc/floodgate
# A trap must not print memory, which holds what clients sent.
ENV SWIFT_BACKTRACE=enable=no
# The listener as the examples have it. The admin listener (9901) is loopback only and stays inside.
EXPOSE 8080
# SIGTERM drains: readiness turns off, what is in flight is finished, the deadline is the settings' own.
STOPSIGNAL SIGTERM
# Another admin listener or a token: set FLOODGATE_ADMIN and FLOODGATE_ADMIN_TOKEN.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["floodgate", "status", "--quiet"]
ENTRYPOINT ["floodgate"]
# The settings come as a mount: -v ./gateway.yaml:/etc/floodgate/gateway.yaml:ro
CMD ["run", "/etc/floodgate/gateway.yaml"]
