"""The tutorial notebook runs without errors, and its outputs come from a complete run."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "tutorial" / "from-ledger-to-promotion.ipynb"


def test_each_cell_was_run_without_an_error():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.execution_count
            assert not [output for output in cell.outputs if output.output_type == "error"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_notebook_runs():
    # MLflow keeps the addresses that other tests set in this process in variables of the environment.
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "notebook.py", NOTEBOOK, "--check"],
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
