"""The tutorial's notebook runs from top to bottom, and what it shows was printed by it."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "tutorial" / "from-ledger-to-promotion.ipynb"


def test_every_cell_was_run_and_none_failed():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.execution_count
            assert not [output for output in cell.outputs if output.output_type == "error"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_it_runs_again():
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "notebook.py", NOTEBOOK, "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
