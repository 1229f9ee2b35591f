"""Loads of HTTP/2 over TLS by h2load, with the fields, the cipher and the group that the other loads have."""

import re
import time

import rivals
from house import ProofError

# As `loadgen` asks.
FIELDS = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-language": "en-US,en;q=0.5",
    "accept-encoding": "gzip, deflate, br",
    "cookie": "session=0123456789abcdef0123456789abcdef",
}


def load(house, server, path="/", requests=1000, connections=16, streams=16):
    """So many requests in all. The summary of a load, with the server's processor time from before the first connection
    until after the last: the handshakes are in it."""
    log = house.folder / f"h2load-{len(house.processes)}.log"
    words = ["h2load", "-c", connections, "-m", streams, "-n", requests, "--tls13-ciphers=TLS_AES_128_GCM_SHA256",
             "--groups=X25519", f"--log-file={log}"]
    for name, value in FIELDS.items():
        words += ["-H", f"{name}: {value}"]
    before, begun = rivals.nanoseconds(server.pid), time.monotonic()
    process = house.start("h2load", words + [f"https://127.0.0.1:{server.port}{path}"])
    if process.wait(120) != 0:
        raise ProofError(f"h2load ended badly: {process.text[-400:]}")
    spent = rivals.nanoseconds(server.pid) - before
    summary = parse(process.text)
    times = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
    log.unlink()
    return {
        **summary, "process_ns": spent, "seconds": time.monotonic() - begun,
        "p50_us": times[len(times) // 2] if times else 0, "p99_us": times[len(times) * 99 // 100] if times else 0}


def parse(text):
    counts = re.search(r"requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded", text)
    statuses = re.search(r"status codes: (\d+) 2xx", text)
    rate = re.search(r"finished in .*?, ([\d.]+) req/s", text)
    protocol = re.search(r"Application protocol: (\S+)", text)
    body = re.search(r"([\d.]+\w*) \((\d+)\) data", text)
    if not (counts and statuses and rate and body):
        raise ProofError(f"h2load says nothing: {text[-400:]}")
    total, succeeded, good = int(counts[1]), int(counts[2]), int(statuses[1])
    return {
        "requests": good, "failed": total - min(succeeded, good), "rps": float(rate[1]), "received_bytes": int(body[2]),
        "protocol": protocol[1] if protocol else None}
