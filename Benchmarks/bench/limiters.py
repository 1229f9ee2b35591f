"""Servers that limit requests by address, each by its own means, with the gateway's other work."""

from dataclasses import dataclass

import rivals
from house import free_ports


@dataclass(frozen=True)
class Limit:
    """So many requests in a time in seconds, all of them at once if need be."""

    count: int
    period: int

    @property
    def rate(self):
        return f"{self.count} per {self.period}s"


# A limit that nobody reaches, and one that lets one request pass now and then.
OPEN = Limit(100_000_000, 60)
SHUT = Limit(1, 60)


@dataclass(frozen=True)
class Limiter:
    name: str
    title: str
    begin: callable
    # How many requests may be admitted in so many seconds, by what this limiter promises of a limit.
    allowed: callable
    # Gateways that share the limit.
    count: int = 1


def refilled(limit, seconds):
    """All at once, and what comes back meanwhile."""
    return limit.count + int(limit.count * seconds / limit.period)


def by_window(limit, seconds):
    """As many again in each window that has begun."""
    return limit.count * -(-seconds // limit.period)


# nginx: the bucket leaks at the rate and `burst` may stand above it. The first request is none of the burst. It knows whole
# requests by second or minute.
def nginx(house, origin, limit, workers, _):
    per_second = limit.count / limit.period
    rate = f"{per_second:.0f}r/s" if per_second >= 1 else f"{max(1, round(per_second * 60))}r/m"
    burst = f" burst={limit.count - 1}" if limit.count > 1 else ""
    if limit == OPEN:
        return [rivals.nginx(house, origin, workers=workers)]
    return [rivals.nginx(house, origin, workers=workers, limit={"rate": rate, "burst": burst})]


# HAProxy as its documentation shows it: a sliding rate of all requests, those that were denied too.
HAPROXY_REQUESTS = """\
    stick-table type ip size 1m expire 1h store http_req_rate({period}s)
    http-request track-sc0 src
    http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt {count} }}"""

# And counting only what it admits: looked at first and counted then.
HAPROXY_ADMITTED = """\
    stick-table type ip size 1m expire 1h store gpc0,gpc0_rate({period}s)
    http-request track-sc0 src
    http-request deny deny_status 429 if {{ sc_gpc0_rate(0) ge {count} }}
    http-request sc-inc-gpc0(0)"""


def haproxy(words):
    def begin(house, origin, limit, workers, _):
        (port,) = free_ports(1)
        text = rivals.haproxy_settings(
            port, origin, workers=workers, limit=words.format(count=limit.count, period=limit.period))
        # A denied request's answer carries the same fields as every other.
        text = text.replace("http-response set-header", "http-after-response set-header")
        file = house.folder / f"haproxy-{port}.cfg"
        file.write_text(text)
        return [rivals.begin(house, "haproxy", ["haproxy", "-db", "-f", file], port)]

    return begin


ROUTES = "  - { path: /*, upstream: app, limits: [measured] }"


def gateway_settings(limit, algorithm, redis):
    # The default is not written, as in an operator's file.
    chosen = "" if algorithm == "gcra" else f", algorithm: {algorithm}"
    return {
        "limits": f"  measured: {{ rate: {limit.rate}, by: ip{chosen} }}",
        "settings": f"redis: {redis.address}" if redis else "", "routes": ROUTES}


def floodgate(algorithm, shares=False, count=1):
    def begin(house, origin, limit, workers, redis):
        settings = gateway_settings(limit, algorithm, redis() if shares else None)
        return [house.gateway(origin, workers=workers, **settings) for _ in range(count)]

    return begin


NGINX = Limiter("nginx", "nginx limit_req", nginx, refilled)
HAPROXY = Limiter("haproxy", "HAProxy http_req_rate", haproxy(HAPROXY_REQUESTS), by_window)
MEMORY = Limiter("memory", "Floodgate, memory", floodgate("gcra"), refilled)
REDIS = Limiter("redis", "Floodgate, Redis", floodgate("gcra", shares=True), refilled)

# Whose processor time is compared.
COMPARED = [NGINX, HAPROXY, MEMORY, REDIS]

# Whose exactness is.
COUNTED = [
    NGINX, HAPROXY,
    Limiter("haproxy admitted", "HAProxy gpc0_rate", haproxy(HAPROXY_ADMITTED), by_window),
    Limiter("gcra", "Floodgate gcra, memory", floodgate("gcra"), refilled),
    Limiter("sliding_window", "Floodgate sliding_window, memory", floodgate("sliding_window"), by_window),
    Limiter("fixed_window", "Floodgate fixed_window, memory", floodgate("fixed_window"), by_window),
] + [
    Limiter(f"two {algorithm}", f"2 Floodgates {algorithm}, Redis", floodgate(algorithm, True, 2), allowed, 2)
    for algorithm, allowed in (("gcra", refilled), ("sliding_window", by_window), ("fixed_window", by_window))
]
