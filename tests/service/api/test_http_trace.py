"""One valuation over HTTP changes between modules of the service at most twelve times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_one_valuation_goes_one_short_way():
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "http_trace.py"], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "service.api.endpoints.valuations" in done.stdout
    assert "service.store.ledger" in done.stdout, "what the store does in its own thread is part of the walk"
