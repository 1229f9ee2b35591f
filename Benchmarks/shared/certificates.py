"""Certificates of a run: made by openssl in the run's own folder, and gone with it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from house import ProofError


@dataclass(frozen=True)
class Certificate:
    """A certificate that vouches for itself, its key, and both in one file as HAProxy wants it."""
    certificate: Path
    key: Path
    both: Path

    @property
    def serial(self):
        said = subprocess.run(
            ["openssl", "x509", "-noout", "-serial", "-in", self.certificate], capture_output=True, text=True, check=True)
        return said.stdout.strip().split("=")[1]

    def replace_by(self, other):
        """Another certificate under this one's names."""
        for mine, its in ((self.certificate, other.certificate), (self.key, other.key), (self.both, other.both)):
            mine.write_bytes(its.read_bytes())


def certificate(house, name="site"):
    """A P-256 certificate for localhost; made once for each name."""
    files = [house.folder / f"{name}.{ending}" for ending in ("pem", "key", "both.pem")]
    made = Certificate(*files)
    if not made.both.exists():
        said = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", made.key, "-out",
             made.certificate], capture_output=True, text=True)
        if said.returncode:
            raise ProofError(f"openssl makes no certificate: {said.stderr.strip()}")
        made.both.write_bytes(made.certificate.read_bytes() + made.key.read_bytes())
        # Servers that drop their rights read it before they do, or not at all.
        made.key.chmod(0o644)
        made.both.chmod(0o644)
    return made
