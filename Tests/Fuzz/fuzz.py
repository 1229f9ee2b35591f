#!/usr/bin/env python3
"""Fuzzes each target for a while and says what came of it: inputs, coverage, memory, findings.

Usage: fuzz.py --fuzzer FILE [--seconds N] [--folder FOLDER] [TARGET ...]. Without names all targets are fuzzed, one after
another, N seconds each. Ends with 1 where an input broke a property, crashed, hung, or where memory grew."""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

SEEDS = Path(__file__).resolve().parent / "Seeds"
# Seconds that one input may take. Settings are bounded to far less; a loop without an end is what this finds.
LONGEST_INPUT = 10
# MiB that the process may come to hold, and that one allocation may ask for.
MOST_RESIDENT = 1024
LARGEST_ALLOCATION = 64
# MiB by which the resident memory may grow in the second half of a run: the corpus and the sanitizer's own tables do.
GROWTH = 64

STATUS = re.compile(rb"^#(\d+)\s+(\w+)\s+cov: (\d+) .*?rss: (\d+)Mb", re.MULTILINE)
FINDING = re.compile(rb"Test unit written to (\S+)")
BROKEN = re.compile(rb"BROKEN PROPERTY.*|ERROR: .*|SUMMARY: .*")


class Run:
    """One target, fuzzed once."""

    def __init__(self, target, options):
        self.target = target
        self.options = options
        self.corpus = options.folder / "corpus" / target
        self.findings = options.folder / "findings" / target
        self.corpus.mkdir(parents=True, exist_ok=True)
        self.findings.mkdir(parents=True, exist_ok=True)
        self.environment = {
            **os.environ,
            # A crash is reported by the sanitizer; Swift's own report would ask a terminal that is not there.
            "SWIFT_BACKTRACE": "enable=no",
            # What Swift keeps for the life of the process looks like a leak. The heap check counts instead.
            "ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=16",
        }

    def call(self, *arguments, seconds):
        """Runs the fuzzer; its exit status and what it said."""
        try:
            ended = subprocess.run(
                [self.options.fuzzer, self.target, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                env=self.environment, timeout=seconds, check=False)
            return ended.returncode, ended.stdout + ended.stderr
        except subprocess.TimeoutExpired as late:
            return None, (late.stdout or b"") + (late.stderr or b"")

    def fuzz(self):
        begun = time.monotonic()
        status, text = self.call(
            f"-max_total_time={self.options.seconds}", f"-timeout={LONGEST_INPUT}",
            f"-rss_limit_mb={MOST_RESIDENT}", f"-malloc_limit_mb={LARGEST_ALLOCATION}", "-print_funcs=0",
            f"-artifact_prefix={self.findings}/", str(self.corpus), str(SEEDS / self.target),
            seconds=self.options.seconds + 120)
        self.seconds = time.monotonic() - begun
        (self.options.folder / f"{self.target}.log").write_bytes(text)
        lines = [(int(count), int(coverage), int(resident)) for count, _, coverage, resident in STATUS.findall(text)]
        self.inputs, self.coverage, self.peak = lines[-1][0] if lines else 0, 0, 0
        if lines:
            self.coverage = lines[-1][1]
            self.peak = max(line[2] for line in lines)
        self.complaints = [line.decode(errors="replace") for line in BROKEN.findall(text)][:3]
        self.found = [path.decode() for path in FINDING.findall(text)]
        if status is None:
            self.complaints.append("it did not come to its end")
        elif status != 0 and not self.complaints:
            self.complaints.append(f"it ended with {status}")
        middle = [line[2] for line in lines if line[0] <= self.inputs // 2]
        if middle and self.peak > middle[-1] + GROWTH:
            self.complaints.append(f"resident memory grew from {middle[-1]} to {self.peak} MiB")

    def check_heap(self):
        """All inputs again and again: the heap must come back to where it was."""
        status, text = self.call("heap", str(self.corpus), str(SEEDS / self.target), seconds=600)
        growth = re.search(rb"(-?\d+) more after", text)
        self.growth = int(growth.group(1)) if growth else None
        if status != 0 and not self.found:
            self.complaints.append(f"heap: {text.decode(errors='replace').strip()[-300:]}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--fuzzer", required=True, help="the program, as `make fuzz` builds it")
    arguments.add_argument("--seconds", type=int, default=60, help="for each target")
    arguments.add_argument("--folder", type=Path, default=Path(".build/fuzz"), help="corpus, findings and logs")
    targets = sorted(entry.name for entry in SEEDS.iterdir() if entry.is_dir())
    arguments.add_argument("names", nargs="*", metavar="TARGET")
    options = arguments.parse_args()
    unknown = set(options.names) - set(targets)
    if unknown:
        arguments.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(targets)}")

    print(f"{'target':<16}{'inputs':>10}{'seconds':>9}{'coverage':>10}{'peak MiB':>10}{'heap growth':>13}", flush=True)
    runs = []
    for target in options.names or targets:
        run = Run(target, options)
        run.fuzz()
        run.check_heap()
        runs.append(run)
        verdict = "" if not run.complaints else "  FAIL"
        growth = "?" if run.growth is None else f"{run.growth} B"
        print(f"{target:<16}{run.inputs:>10}{run.seconds:>9.0f}{run.coverage:>10}{run.peak:>10}{growth:>13}{verdict}", flush=True)

    for run in runs:
        for complaint in run.complaints:
            print(f"{run.target}: {complaint}")
        for path in run.found:
            print(f"{run.target}: the input is {path}; fix it, then keep it as Tests/Fuzz/Seeds/{run.target}/NAME")
    total = sum(run.seconds for run in runs)
    failed = sum(bool(run.complaints) for run in runs)
    print(f"{sum(run.inputs for run in runs)} inputs in {total:.0f} s, {failed} of {len(runs)} targets failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
