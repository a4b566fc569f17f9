"""``make soak``: every long fault run of this folder, one after the other; each is a program of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Run each; 1 when one of them has failed, and which."""
    names = sorted(file.stem for file in Path(__file__).parent.glob("*.py") if not file.stem.startswith("_"))
    failed = []
    for name in names:
        print(f"== python -m tests.soak.{name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"tests.soak.{name}"], check=False).returncode:
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else f"{len(names)} soaks, none failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
