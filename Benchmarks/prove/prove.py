#!/usr/bin/env python3
"""Shows that the gateway keeps what is claimed of it: each claim with what was measured, its bound, and whether it holds.

Usage: prove.py [--binaries FOLDER] [--slow | --tls | --limits] [NAME ...]. Without names all proofs run, or all of slow
clients, of HTTP/2 over TLS, or of limits whose Redis fails. Ends with 1 where a claim does not hold."""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "shared"))

import bodies
import counts
import floods
import lifecycle
import outages
import slow
import tls
from house import House, ProofError

PROOFS = {
    "calls": counts.system_calls,
    "allocations": counts.allocations,
    "upload": bodies.upload,
    "download": bodies.download,
    "reload": lifecycle.reloads,
    "drain": lifecycle.drain,
    "descriptors": lifecycle.descriptors,
    "idle": lifecycle.idle_connections,
}

# Slow clients and many of them: `make slow`.
SLOW = {
    "heads": slow.slow_heads,
    "bodies": slow.slow_bodies,
    "readers": slow.slow_readers,
    "crowd": slow.many_idle,
    "flood": slow.flood,
    "memory": slow.memory,
}

# HTTP/2 over TLS: `make provetls`.
TLS = {
    "events": tls.events,
    "first": tls.first_byte,
    "unread": tls.readers,
    "floods": floods.floods,
    "certificates": tls.reloads,
}

# Limits whose Redis fails: `make provelimits`.
LIMITS = {
    "hang": outages.hang,
    "killed": outages.killed,
    "wrong": outages.wrong,
}


class Report:
    """The table, printed as it grows."""

    def __init__(self):
        self.failed = 0

    def row(self, claim, measured, bound=None, value=None, holds=None):
        """One claim. With a bound, `value` must not exceed it; or `holds` says it. Neither: for information."""
        if bound is not None and holds is None:
            holds = value <= bound
        verdict = "" if holds is None else "pass" if holds else "FAIL"
        self.failed += holds is False
        self.line(claim, measured, "" if bound is None else str(bound), verdict)

    def skip(self, claim, reason):
        self.line(claim, f"skipped: {reason}", "", "")

    @staticmethod
    def line(claim, measured, bound, verdict):
        print(f"{claim:<66}  {verdict:<4}  {bound:<12}  {measured}", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--binaries", default=Path(__file__).resolve().parents[2] / ".build/release")
    arguments.add_argument("--slow", action="store_true", help="the proofs of slow clients instead")
    arguments.add_argument("--tls", action="store_true", help="the proofs of HTTP/2 over TLS instead")
    arguments.add_argument("--limits", action="store_true", help="the proofs of limits whose Redis fails instead")
    arguments.add_argument(
        "--rival", choices=["nginx", "haproxy"], help="with --tls: what stands in the gateway's place, to be seen beside it")
    arguments.add_argument("names", nargs="*", choices=[[], *PROOFS, *SLOW, *TLS, *LIMITS], metavar="NAME")
    options = arguments.parse_args()
    report = Report()
    report.line("claim", "measured", "bound", "")
    begun = time.monotonic()
    every = {**PROOFS, **SLOW, **TLS, **LIMITS}
    chosen = SLOW if options.slow else TLS if options.tls else LIMITS if options.limits else PROOFS
    for name in options.names or chosen:
        try:
            with House(options.binaries) as house:
                house.rival = options.rival if name in TLS else None
                every[name](house, report)
        except (ProofError, OSError) as error:
            report.row(name, f"not carried out: {error}", holds=False)
    print(f"{time.monotonic() - begun:.0f} s, {report.failed} not held")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
