#!/usr/bin/env python3
"""What verifying a token costs in the running gateway, and beside HAProxy's jwt_verify with the same checks.

Usage: tokens.py [--rounds N] [--seconds S]. In each round one window of load meets every route, one right after the other;
what a route costs beyond the one that asks nobody is the verification. Ends with 1 where a claim is not held."""

import argparse
import base64
import hashlib
import hmac
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks/shared"))

import rivals
from house import House, ProofError, failures, free_ports

SECRET = "a secret of this measurement, long enough for HS256"
ISSUER, AUDIENCE = "https://id.example.com", "app"

# Microseconds of the gateway's processor time for one verification, at most.
BARS = {"HS256": 2.0, "RS256": 18.0, "ES256": 48.0, "cached": 0.4}
# Milliseconds that a verification may add to the 99th percentile of the answers' times, under a steady load: what a closed
# loop of 64 connections waits for is the queue before a busy core.
SLOWEST = 1.0
STEADY = {"connections": 16, "think": 16}

KEYS = {
    "RS256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ES256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "EdDSA": ["-algorithm", "ED25519"],
}


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words, data=None):
    done = subprocess.run(["openssl", *map(str, words)], input=data, capture_output=True)
    if done.returncode:
        raise ProofError(f"openssl {words[0]}: {done.stderr.decode()}")
    return done.stdout


def integers(der):
    """r and s of an ECDSA signature, 32 bytes each."""
    first = der[3]
    r, rest = der[4:4 + first], der[4 + first:]
    s = rest[2:2 + rest[1]]
    return r.lstrip(b"\0").rjust(32, b"\0") + s.lstrip(b"\0").rjust(32, b"\0")


class Signer:
    """Keys of one run, and tokens signed with them: about 600 to 900 bytes, as issuers make them."""

    def __init__(self, folder):
        self.folder = folder
        for name, options in KEYS.items():
            openssl("genpkey", *options, "-out", folder / f"{name}.key")
            openssl("pkey", "-in", folder / f"{name}.key", "-pubout", "-out", self.public(name))
            self.public(name).chmod(0o644)

    def public(self, name):
        return self.folder / f"{name}.pem"

    def token(self, algorithm):
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": "6b8e4c1e-0f3c-4f6e-9d0e-1f2a3b4c5d6e", "email": "somebody@example.com",
            "iat": now, "exp": now + 86_400, "role": "authenticated", "session_id": "c2b1d0e9-8f7a-6b5c-4d3e-2f1a0b9c8d7e",
            "app_metadata": {"plan": "pro", "providers": ["email", "google"]},
            "user_metadata": {"name": "Somebody Somewhere", "picture": "https://example.com/pictures/somebody.png"}}
        text = ".".join(encoded(json.dumps(part, separators=(",", ":")).encode()) for part in ({"alg": algorithm, "typ": "JWT"}, claims))
        return f"{text}.{encoded(self.signature(algorithm, text.encode()))}"

    def signature(self, algorithm, text):
        if algorithm == "HS256":
            return hmac.new(SECRET.encode(), text, hashlib.sha256).digest()
        key = self.folder / f"{algorithm}.key"
        if algorithm == "EdDSA":
            file = self.folder / "signed"
            file.write_bytes(text)
            return openssl("pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", file)
        signature = openssl("dgst", "-sha256", "-sign", key, data=text)
        return integers(signature) if algorithm == "ES256" else signature


ALGORITHMS = ["HS256", *KEYS]


def identity(signer, cache):
    lines = [f"identity:", f"  cache: {cache}", "  tokens:"]
    for name in ALGORITHMS:
        key = f'secret: "{SECRET}"' if name == "HS256" else f"public_key: {signer.public(name)}"
        lines.append(
            f"    {name}: {{ issuers: [{ISSUER}], audiences: [{AUDIENCE}], algorithms: [{name}], {key}, "
            f"headers: {{ X-User-Id: sub }} }}")
    return "\n".join(lines)


def routes():
    lines = ["  - { path: /none, upstream: app, limits: [everyone], strip_prefix: /none }"]
    lines += [
        f"  - {{ path: /{name}, upstream: app, limits: [everyone], strip_prefix: /{name}, auth: required, tokens: [{name}] }}"
        for name in ALGORITHMS]
    return "\n".join(lines)


# The same checks: algorithm, signature, issuer, audience, time; and the subject for the backend.
HAPROXY_RULES = """\
    acl asks path /RS256
    http-request set-var(txn.alg) http_auth_bearer,jwt_header_query('$.alg') if asks
    http-request set-var(txn.exp) http_auth_bearer,jwt_payload_query('$.exp','int') if asks
    http-request set-var(txn.now) date() if asks
    http-request deny deny_status 401 if asks !{{ var(txn.alg) -m str RS256 }}
    http-request deny deny_status 401 if asks !{{ http_auth_bearer,jwt_verify(txn.alg,"{key}") -m int 1 }}
    http-request deny deny_status 401 if asks !{{ http_auth_bearer,jwt_payload_query('$.iss') -m str {issuer} }}
    http-request deny deny_status 401 if asks !{{ http_auth_bearer,jwt_payload_query('$.aud') -m str {audience} }}
    http-request deny deny_status 401 if asks {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
    http-request set-header X-User-Id %[http_auth_bearer,jwt_payload_query('$.sub')] if asks
    http-request set-path /
"""


def haproxy(house, origin, signer):
    (port,) = free_ports(1)
    text = rivals.haproxy_settings(port, origin)
    rules = HAPROXY_RULES.format(key=signer.public("RS256"), issuer=ISSUER, audience=AUDIENCE)
    file = house.folder / f"haproxy-{port}.cfg"
    file.write_text(text.replace("    default_backend app\n", rules + "    default_backend app\n"))
    return rivals.begin(house, "haproxy", ["haproxy", "-db", "-f", file], port)


def window(house, server, path, token, seconds):
    summary = house.load(
        server.port, path=path, connections=64, seconds=seconds, warm_up=0.2, watch=rivals.processes(server.pid),
        expect_bytes=len(rivals.SMALL), header=[f"Authorization: Bearer {token}"])
    if sum(failures(summary).values()) or not summary["requests"]:
        raise ProofError(f"requests failed: {path} {summary}")
    steady = house.load(
        server.port, path=path, seconds=seconds, warm_up=0.2, header=[f"Authorization: Bearer {token}"], **STEADY)
    return summary["process_ns"] / summary["requests"] / 1000, steady["p99_us"] / 1000


def refuses(house, server, path, token):
    """Whether a route refuses a token whose signature was changed, and serves the right one."""
    changed = token[:-6] + ("AAAAAA" if token[-6:] != "AAAAAA" else "BBBBBB")
    statuses = []
    for each in (token, changed):
        answer = subprocess.run(
            ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--max-time", "10", "--header",
             f"Authorization: Bearer {each}", f"http://127.0.0.1:{server.port}{path}"], capture_output=True, text=True)
        statuses.append(answer.stdout)
    return statuses == ["200", "401"]


def measure(house, options):
    house.cores = {sorted(os.sched_getaffinity(0))[0]}
    signer = Signer(house.folder)
    house.folder.chmod(0o755)
    origin = rivals.origin(house)
    plain = house.gateway(origin, settings=identity(signer, 0), routes=routes())
    cached = house.gateway(origin, settings=identity(signer, 4096), routes=routes())
    rival = haproxy(house, origin, signer)
    tokens = {name: signer.token(name) for name in ALGORITHMS}
    for name in ALGORITHMS:
        if not refuses(house, plain, f"/{name}", tokens[name]):
            raise ProofError(f"{name}: the gateway does not tell tokens apart")
    if not refuses(house, rival, "/RS256", tokens["RS256"]):
        raise ProofError("HAProxy does not tell tokens apart")
    places = {"none": (plain, "/none", "RS256"), "cached none": (cached, "/none", "RS256")}
    places |= {name: (plain, f"/{name}", name) for name in ALGORITHMS}
    places |= {"cached": (cached, "/RS256", "RS256")}
    places |= {"haproxy none": (rival, "/none", "RS256"), "haproxy RS256": (rival, "/RS256", "RS256")}
    found = {name: [] for name in places}
    for turn in range(options.rounds):
        for name, (server, path, algorithm) in places.items():
            found[name].append(window(house, server, path, tokens[algorithm], options.seconds))
        print(f"round {turn + 1} of {options.rounds}", file=sys.stderr, flush=True)
    return found


def report(found):
    held = True
    base = {"cached": "cached none", "haproxy RS256": "haproxy none"}
    print(f"{'microseconds of processor time':<34}{'a request':>10}{'verifying':>11}   between      p99 more, ms")
    for name, windows in found.items():
        if name.endswith("none"):
            print(f"{name:<34}{statistics.median(each[0] for each in windows):>10.2f}")
            continue
        pairs = list(zip(windows, found[base.get(name, "none")]))
        costs = [mine[0] - other[0] for mine, other in pairs]
        later = statistics.median(mine[1] - other[1] for mine, other in pairs)
        cost = statistics.median(costs)
        line = f"{name:<34}{statistics.median(each[0] for each in windows):>10.2f}{cost:>11.2f}   {min(costs):.2f}-{max(costs):.2f}   {later:.2f}"
        if name in BARS:
            is_held = cost <= BARS[name] and later < SLOWEST
            held = held and is_held
            line += f"   at most {BARS[name]}, p99 < {SLOWEST}: {'held' if is_held else 'missed'}"
        print(line)
    ratios = [mine[0] / other[0] for mine, other in zip(found["RS256"], found["haproxy RS256"])]
    print(f"RS256, a whole request: {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}) of HAProxy's")
    return held


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binaries", default=ROOT / ".build/release")
    arguments.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS") or 7))
    arguments.add_argument("--seconds", type=float, default=float(os.environ.get("WINDOW") or 1))
    options = arguments.parse_args()
    with House(options.binaries) as house:
        return 0 if report(measure(house, options)) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ProofError as error:
        sys.exit(f"tokens: {error}")
