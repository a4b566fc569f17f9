"""Certificates for tests, made by openssl: authorities, and what they sign."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NEEDS_OPENSSL = pytest.mark.skipif(
    shutil.which("openssl") is None and not os.environ.get("CI"), reason="openssl is not installed"
)
"""Tests with it are skipped on a laptop without openssl, and fail where CI is set."""


def authority(folder: Path, name: str) -> None:
    """Make a certification authority."""
    _openssl(folder, "ecparam", "-name", "prime256v1", "-out", "p256.txt")
    _openssl(
        folder, "req", "-x509", "-newkey", "ec:p256.txt", "-nodes",
        "-keyout", f"{name}.key", "-out", f"{name}.pem",
        "-subj", f"/CN={name}", "-days", "2", "-addext", "keyUsage=critical,keyCertSign",
    )  # fmt: skip


def certificate(
    folder: Path, name: str, issuer: str, common_name: str, extension: str, *, days: int = 2
) -> None:
    """Make a key and a certificate signed by an authority; with negative days it has expired."""
    (folder / f"{name}.ext").write_text(extension, encoding="ascii")
    _openssl(
        folder, "req", "-newkey", "ec:p256.txt", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
        "-subj", f"/CN={common_name}",
    )  # fmt: skip
    _openssl(
        folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key",
        "-CAcreateserial", "-out", f"{name}.pem", "-days", str(days), "-extfile", f"{name}.ext",
    )  # fmt: skip


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
