"""What is measured, and what is claimed of it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    path: str = "/"
    connections: int = 64
    workers: int = 1
    new_connection_each: bool = False
    access_log: bool = False
    # TLS 1.3 between client and proxy. HTTP/2 is asked for by h2load, everything else by our own load.
    is_tls: bool = False
    # A new connection resumes the session of the one before it.
    resumes: bool = False
    # Streams at once on each connection of HTTP/2; 0 for HTTP/1.1.
    streams: int = 0
    # nginx once more, with 64 KiB buffers.
    has_big_buffers: bool = False
    # Highest ratio of the gateway's processor time per request to a rival's, by the rival's name.
    bars: dict = field(default_factory=dict)
    # Seconds of each window, in shares of the usual one.
    share: float = 1.0


SCENARIOS = [
    Scenario("small64", "small answer, 64 connections", bars={"nginx": 0.80, "haproxy": 0.80}),
    Scenario("small512", "small answer, 512 connections", connections=512, bars={"nginx": 0.80, "haproxy": 0.80}),
    Scenario("16k", "16 KiB answer, 64 connections", path="/16k", bars={"nginx": 0.70, "haproxy": 0.70}),
    Scenario(
        "1m", "1 MiB answer, 64 connections", path="/1m", has_big_buffers=True,
        bars={"nginx": 0.55, "nginx64k": 0.65}),
    Scenario("new", "a new connection for each request, 64 at once", new_connection_each=True),
    Scenario("small64x2", "small answer, 64 connections, two workers", workers=2),
    Scenario("small64log", "small answer, 64 connections, access log on", access_log=True),
    Scenario("tls64", "TLS: small answer, 64 connections", is_tls=True, bars={"nginx": 0.78, "haproxy": 0.78}),
    Scenario(
        "h2", "HTTP/2 over TLS: small answer, 16 connections of 16 streams", is_tls=True, connections=16, streams=16,
        bars={"nginx": 0.70, "haproxy": 0.90}),
    Scenario(
        "tls1m", "TLS: 1 MiB answer, 64 connections", path="/1m", is_tls=True, has_big_buffers=True, bars={"nginx": 0.75}),
    Scenario(
        "handshake", "TLS: a new connection for each request, 64 at once", is_tls=True, new_connection_each=True,
        bars={"nginx": 1.00}),
    Scenario(
        "resumed", "TLS: a resumed connection for each request, 64 at once", is_tls=True, new_connection_each=True,
        resumes=True, bars={"nginx": 1.00}),
]

# Highest ratio of the gateway's processor time per request with two workers to that with one, in the same round.
TWO_WORKERS = 1.15

# Idle connections, and the most megabytes (10^6 bytes) that may be resident with them.
IDLE_BARS = {10_000: 40, 50_000: 160}

TITLES = {
    "direct": "direct", "nginx": "nginx", "nginx64k": "nginx, 8 x 64 KiB", "nginx1m": "nginx, 16 x 64 KiB",
    "haproxy": "HAProxy", "floodgate": "Floodgate"}
