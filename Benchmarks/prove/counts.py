"""What a request costs: system calls and allocations."""

import re
import shutil
import signal
import struct
import subprocess

from house import ProofError, wait_for


def system_calls(house, report):
    """System calls per request in the steady state, counted by strace over a bounded number of requests."""
    if not shutil.which("strace"):
        return report.skip("system calls per request", "strace is not installed")
    for connections, workers, bound in ((64, 1, 4.2), (64, 2, None), (1, 1, None)):
        requests = 20_000 if connections > 1 else 3_000
        origin = house.origin()
        gateway = house.gateway(origin, workers=workers)
        house.load(gateway.port, requests=20_000, connections=connections)
        # The load's own connects and closes count for nothing: it rests while strace comes and goes.
        counts = count_calls(house, gateway, connections, requests)
        calls = sum(counts.values())
        most = ", ".join(f"{name} {count / requests:.3f}" for name, count in sorted(
            counts.items(), key=lambda item: -item[1])[:4])
        report.row(
            f"system calls per request, {connections} connections, {workers} worker{'s' * (workers > 1)}",
            f"{calls / requests:.3f} ({most})", bound, calls / requests)
        gateway.stop()
        origin.stop()


def count_calls(house, gateway, connections, requests):
    trace = house.start("strace", ["strace", "-c", "-f", "-p", gateway.pid])
    wait_for("strace", lambda: "attached" in trace.text)
    summary = house.load(gateway.port, requests=requests, connections=connections, timeout=60)
    trace.signal(signal.SIGINT)
    trace.wait()
    if summary["failed"]:
        raise ProofError(f"requests failed under strace: {summary}")
    counts = {}
    for line in trace.text.splitlines():
        match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
        if match and match[2] != "total":
            counts[match[2]] = int(match[1])
    return counts


def allocations(house, report):
    """Heap allocations per request: two runs of different lengths under a counting allocator, the difference divided by
    the requests."""
    library = house.folder / "allocations.so"
    source = __file__.rsplit("/", 1)[0] + "/allocations.c"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), source], check=True)
    counts = house.folder / "allocations.counts"
    for what, access_log, path in (
            ("plain path", "off", "/"), ("with the access log", house.folder / "access.log", "/"),
            ("answers of 100 KiB", "off", "/bytes/102400")):
        counts.unlink(missing_ok=True)
        origin = house.origin()
        gateway = house.gateway(
            origin, access_log=access_log,
            environment={"LD_PRELOAD": str(library), "FLOODGATE_ALLOCATION_COUNTS": str(counts)})
        house.load(gateway.port, requests=20_000, path=path)
        made = []
        lengths = (5_000, 45_000)
        for length in lengths:
            before = read_counts(counts)
            house.load(gateway.port, requests=length, path=path)
            made.append(read_counts(counts) - before)
        each = (made[1] - made[0]) / (lengths[1] - lengths[0])
        report.row(f"heap allocations per request, {what}", f"{each:.4f} ({made[0]}, then {made[1]})", 0.01, abs(each))
        gateway.stop()
        origin.stop()


def read_counts(file):
    made, grown, _ = struct.unpack("3Q", file.read_bytes())
    return made + grown
