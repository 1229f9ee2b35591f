#!/usr/bin/env python3
"""What testssl.sh finds of the gateway's TLS. Usage: testssl.py --floodgate PATH.

Ends with 1 where anything is above LOW, but for what a certificate of a private authority causes."""

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

# Findings that say no more than that the authority is a private one, which nobody can ask about revocation.
PRIVATE = {
    "cert_chain_of_trust", "cert_trust", "cert_ocspURL", "cert_crlDistributionPoints", "cert_revocation", "cert_caIssuers",
    "cert_expirationStatus", "cert_extlifeSpan", "DNS_CAArecord", "certificate_transparency", "OCSP_stapling",
    "cert_notAfter", "overall_grade", "grade_cap_reason_1", "grade_cap_reason_2", "chain_of_trust", "cert_validityPeriod",
    "cert_crlDistributionPoints_ocspURL"}
ABOVE_LOW = {"MEDIUM", "HIGH", "CRITICAL"}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--floodgate", type=Path, required=True)
    floodgate = arguments.parse_args().floodgate
    program = shutil.which("testssl") or shutil.which("testssl.sh")
    if not program:
        sys.exit("testssl: testssl.sh is missing (apt-get install testssl.sh)")
    with tempfile.TemporaryDirectory() as folder:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        subprocess.run([floodgate, "certs", "dev", "--directory", folder], check=True, stdout=subprocess.DEVNULL)
        settings = Path(folder, "gateway.yaml")
        settings.write_text(f"""\
listeners:
  - address: 127.0.0.1:{port}
    tls: {{ certificates: [{{ certificate: {folder}/site.pem, key: {folder}/site.key }}] }}
admin: {{ address: off }}
clients: {{ handshakes_per_second: off }}
access_log: {{ path: off }}
routes:
  - {{ path: /*, respond: {{ status: 200, text: here }} }}
""")
        gateway = subprocess.Popen([floodgate, "run", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = Path(folder, "found.json")
        try:
            subprocess.run(
                [program, "--quiet", "--color", "0", "--warnings", "off", "--ip", "one", "--jsonfile", found,
                 f"localhost:{port}"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=900)
        finally:
            gateway.terminate()
            gateway.wait(20)
        findings = json.loads(found.read_text())
    counts, bad = {}, []
    for finding in findings:
        severity = finding["severity"]
        counts[severity] = counts.get(severity, 0) + 1
        if severity in ABOVE_LOW or severity == "LOW":
            excused = " (a private authority's)" if finding["id"] in PRIVATE else ""
            print(f"{severity:8} {finding['id']}: {finding['finding']}{excused}")
            if severity in ABOVE_LOW and not excused:
                bad.append(finding)
    print(f"{len(findings)} findings: {counts}; {len(bad)} above LOW that count")
    # A scan that could not connect finds nothing bad either.
    return 1 if bad or counts.get("OK", 0) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
