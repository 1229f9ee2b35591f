"""Counts that do not depend on how fast the machine is: system calls, allocations and instructions."""

import re
import signal
import struct
import subprocess
from pathlib import Path

from house import ProofError, free_ports, gateway_settings, takes_connections, wait_for

# The same hashes in every run, so that tables meet the same collisions; and the C library's plainest copies, as it would
# choose others on another processor, some of which count each byte as an instruction.
STEADY = {
    "SWIFT_DETERMINISTIC_HASHING": "1",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-ERMS,-FSRM,-AVX_Fast_Unaligned_Load,-AVX2,-AVX512VL,-EVEX"}


def calls_per_request(house, server, connections, requests, pid=None, **options):
    """System calls by name for each request in the steady state, counted by strace."""
    house.load(server.port, requests=max(connections * 4, 2_000), connections=connections, **options)
    # The load's own connects and closes count too: many requests make them few.
    counts = count_calls(house, server, connections, requests, pid, **options)
    return {name: count / requests for name, count in sorted(counts.items(), key=lambda item: -item[1])}


def count_calls(house, server, connections, requests, pid=None, **options):
    trace = house.start("strace", ["strace", "-c", "-f", "-p", pid or server.pid])
    wait_for("strace", lambda: "attached" in trace.text or not trace.is_running)
    if not trace.is_running:
        raise ProofError(f"strace may not look at other processes here: {trace.text.strip()}")
    summary = house.load(server.port, requests=requests, connections=connections, timeout=60, **options)
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


class AllocationCounter:
    """A library that counts heap allocations of whatever it is preloaded into."""

    def __init__(self, house):
        library = house.folder / "allocations.so"
        self.counts = house.folder / "allocations.counts"
        if not library.exists():
            source = Path(__file__).with_name("allocations.c")
            subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), source], check=True)
        self.counts.unlink(missing_ok=True)
        self.environment = {"LD_PRELOAD": str(library), "FLOODGATE_ALLOCATION_COUNTS": str(self.counts)}

    def read(self):
        """Blocks asked for so far: new ones, and old ones with another size."""
        made, grown, _ = struct.unpack("3Q", self.counts.read_bytes())
        return made + grown


def allocations_per_request(house, lengths=(5_000, 45_000), path="/", **options):
    """Heap allocations per request: two loads of different lengths, the difference divided by the requests. With both
    counts."""
    counter = AllocationCounter(house)
    origin = house.origin()
    gateway = house.gateway(origin, environment=counter.environment, **options)
    house.load(gateway.port, requests=lengths[1] // 2, path=path)
    made = []
    for length in lengths:
        before = counter.read()
        house.load(gateway.port, requests=length, path=path)
        made.append(counter.read() - before)
    gateway.stop()
    origin.stop()
    return (made[1] - made[0]) / (lengths[1] - lengths[0]), made


def instructions(process):
    """What callgrind says at the end of a process."""
    match = re.search(r"Collected : (\d+)", process.text)
    if not match:
        raise ProofError(f"no count of instructions: {process.text[-400:]}")
    return int(match[1])


CALLGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]


def instructions_per_request(house, connections=1, lengths=(200, 1_200), settings="", routes=None, **options):
    """Instructions in user space per request: two whole runs of different lengths, the difference divided by the requests.
    One connection has the same turns of the event loop in every run; `options` are the load's."""
    access_log = options.pop("access_log", "off")
    origin = house.origin()
    totals = []
    for length in lengths:
        (port,) = free_ports(1)
        file = house.folder / f"gateway-{port}.yaml"
        file.write_text(gateway_settings(
            port, origin.port, 1, access_log, settings, routes, clients=", max_body: 10MiB"))
        gateway = house.start("callgrind", [*CALLGRIND, house.floodgate, "run", file], environment=STEADY)
        wait_for("the gateway under callgrind", lambda: takes_connections(port) or not gateway.is_running, limit=60)
        summary = house.load(port, requests=length, connections=connections, timeout=60, **options)
        if summary["failed"] or not gateway.is_running:
            raise ProofError(f"requests failed under callgrind: {summary} {gateway.text[-400:]}")
        # The first end waits for what is in work, of which there is nothing.
        gateway.signal(signal.SIGINT)
        gateway.wait(60)
        totals.append(instructions(gateway))
    origin.stop()
    return (totals[1] - totals[0]) / (lengths[1] - lengths[0])
