#!/usr/bin/env python3
"""What a request costs in counts that no other work on the machine changes, held against the committed ceilings.

Usage: counts.py [--write] [NAME ...]. --write puts what was measured, and ceilings above it, into ceilings.txt. Names are
beginnings of the counts' names. Ends with 1 where a ceiling is exceeded, or a count has none."""

import argparse
import platform
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks/shared"))

import counting
from house import House, ProofError

CEILINGS = Path(__file__).with_name("ceilings.txt")

HEAD = """\
# What a request may cost at most, in counts: `make counts` measures them on a release build and fails where one is exceeded.
# `make counts WRITE=1` writes this file anew; a commit that raises a ceiling says what the request gets for it.
#
# System calls and allocations are per request. Instructions are those of user space: per request on whole runs of the
# gateway (one connection, one upstream, a limit by address and one on bodies, security headers, no access log unless
# said), per operation for the parts (Benchmarks/microbench), as the difference of two runs of different lengths under
# callgrind. The C library is told to use its plainest copies, and hashes are the same in every run.
#
# Ceilings stand above what was measured by 0.15 system calls (0.6 where connections are new), 0.01 allocations, 6 % of a request's instructions, and 8 %
# of a part's, at least 12: what is left of chance, and of other versions of the C library, on machines of the same kind.
#
"""


def ceiling(name, measured):
    if name.startswith("system calls"):
        # How many new connections a turn of the loop finds is chance.
        return round(measured + (0.6 if "a connection for each" in name else 0.15), 2)
    if name.startswith("allocations"):
        # Written without decimals from a hundred on.
        return round(max(0, measured) + (0.01 if measured < 100 else 3), 2)
    margin = 1.08 if "part" in name else 1.06
    return round(max(measured * margin, measured + 12))


def calls(house, connections, **options):
    origin = house.origin()
    gateway = house.gateway(origin)
    requests = 10_000 if connections > 1 else 2_000
    counts = counting.calls_per_request(house, gateway, connections, requests, **options)
    gateway.stop()
    origin.stop()
    return sum(counts.values())


def allocations(house, **options):
    return counting.allocations_per_request(house, lengths=(2_000, 22_000), **options)[0]


def part_allocations(house, part):
    counter = counting.AllocationCounter(house)
    made = []
    for rounds in (1_000, 11_000):
        counter.counts.unlink(missing_ok=True)
        house.start("part", [house.microbench, "--rounds", rounds, part], environment=counter.environment).wait()
        made.append(counter.read())
    return (made[1] - made[0]) / 10_000


def part_instructions(house, part):
    totals = []
    for rounds in (1_000, 3_000):
        process = house.start(
            "part", [*counting.CALLGRIND, house.microbench, "--rounds", rounds, part], environment=counting.STEADY)
        process.wait(60)
        totals.append(counting.instructions(process))
    return (totals[1] - totals[0]) / 2_000


# Signatures cost what OpenSSL makes of the processor at hand, and very much under callgrind.
LIBRARYS_OWN = {f"token.{name}" for name in ("RS256", "PS256", "ES256", "ES384", "EdDSA")}

UNLIMITED = "  - { path: /*, upstream: app }"
FIXED = "  - { path: /*, respond: { status: 200, json: { ok: true } } }"


def counts(house):
    """All counts in the order of the table: a name and what measures it. Those under strace and with a changed allocator come
    first and one by one, as they load the gateway with many connections; instructions need no quiet."""
    yield "system calls: 64 connections", lambda: calls(house, 64)
    yield "system calls: 1 connection", lambda: calls(house, 1)
    yield "system calls: a connection for each request", lambda: calls(house, 16, new_connection_each=True)
    yield "system calls: 16 KiB answers", lambda: calls(house, 64, path="/bytes/16384")
    yield "allocations: plain path", lambda: allocations(house)
    yield "allocations: access log", lambda: allocations(house, access_log=house.folder / "access.log")
    yield "allocations: 100 KiB answers", lambda: allocations(house, path="/bytes/102400")
    for part in parts(house):
        yield f"allocations: part {part}", lambda part=part: part_allocations(house, part)
    if platform.machine() != "x86_64":
        return
    each = counting.instructions_per_request
    yield "instructions: plain path", lambda: each(house)
    yield "instructions: without a limit", lambda: each(house, routes=UNLIMITED)
    yield "instructions: without security headers", lambda: each(house, settings="security_headers: { preset: off, remove: [] }")
    yield "instructions: with the access log", lambda: each(house, access_log=house.folder / "counted.log")
    yield "instructions: 16 KiB answers", lambda: each(house, path="/bytes/16384")
    yield "instructions: a connection for each request", lambda: each(house, new_connection_each=True)
    yield "instructions: answered by the gateway", lambda: each(house, routes=FIXED)
    for part in parts(house):
        if part not in LIBRARYS_OWN:
            yield f"instructions: part {part}", lambda part=part: part_instructions(house, part)


def parts(house):
    names = subprocess.run([house.microbench, "--list"], capture_output=True, text=True, check=True).stdout.split()
    # Threads that wait for one another count differently in each run.
    return [name for name in names if not name.startswith("million.")]


def read_ceilings():
    table = {}
    for line in CEILINGS.read_text().splitlines() if CEILINGS.exists() else []:
        if line.strip() and not line.startswith("#"):
            name, measured, bound = line.rsplit(None, 2)
            table[name.strip()] = (float(measured), float(bound))
    return table


def show(value):
    # A few blocks more or less in 20,000 requests are nothing, on either side.
    value = 0 if abs(value) < 0.005 else value
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def write(table):
    rows = [f"{name:<60}{show(measured):>12}{show(bound):>12}\n" for name, (measured, bound) in table.items()]
    CEILINGS.write_text(HEAD + f"# {'count':<58}{'measured':>12}{'ceiling':>12}\n" + "".join(rows))


def judge(name, value, known):
    """A line on one count, and whether it holds."""
    if name not in known:
        return f"{name}: {show(value)}, and no ceiling in the table", False
    measured, bound = known[name]
    if value > bound:
        rise = f" (+{(value / measured - 1) * 100:.1f} %)" if measured > 0 else ""
        return f"{name} rose from {show(measured)} to {show(value)}{rise}, the ceiling is {show(bound)}", False
    fell = value < measured - (bound - measured)
    return f"{name}: {show(value)}, ceiling {show(bound)}" + (", fell: lower the ceiling" if fell else ""), True


def measure(house, wanted):
    """Counts in the table's order as they come. Two at a time where they do not disturb each other."""
    chosen = [(name, count) for name, count in counts(house) if not wanted or name.startswith(tuple(wanted))]
    alone = [each for each in chosen if not each[0].startswith("instructions")]
    for name, count in alone:
        yield name, count()
    with ThreadPoolExecutor(2) as pool:
        futures = [(name, pool.submit(count)) for name, count in chosen[len(alone):]]
        for name, future in futures:
            yield name, future.result()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binaries", default=ROOT / ".build/release")
    arguments.add_argument("--write", action="store_true")
    arguments.add_argument("names", nargs="*", metavar="NAME")
    options = arguments.parse_args()
    known = read_ceilings()
    begun = time.monotonic()
    measured, failed = {}, []
    with House(options.binaries) as house:
        house.microbench = Path(options.binaries) / "microbench"
        for name, value in measure(house, options.names):
            measured[name] = value
            line, holds = judge(name, value, known)
            if not holds:
                failed.append(line)
            print(("      " if holds else "ROSE  ") + line, flush=True)
    if options.write:
        fresh = {name: (value, ceiling(name, value)) for name, value in measured.items()}
        write({**known, **fresh} if options.names else fresh)
        print(f"written: {CEILINGS.relative_to(ROOT)}")
        return 0
    gone = [name for name in known if name not in measured and not options.names and platform.machine() == "x86_64"]
    failed += [f"{name}: in the table, and nothing measures it" for name in gone]
    print(f"{len(measured)} counts, {time.monotonic() - begun:.0f} s, {len(failed)} above their ceilings")
    if not failed:
        return 0
    print("\nA request has become more expensive:", *failed, sep="\n  ", file=sys.stderr)
    print(
        "\nTake the work off the request's way. If it is worth its price: `make counts WRITE=1` writes the new table\n"
        "(Benchmarks/counts/ceilings.txt), and the commit says what the request gets for it.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ProofError as error:
        sys.exit(f"counts: not carried out: {error}")
