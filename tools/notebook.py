"""Run all cells of a notebook and store the outputs; stop with a traceback if a cell fails.

Run: ``.venv/bin/python tools/notebook.py docs/tutorial/from-ledger-to-promotion.ipynb [--check]``

With ``--check`` the file is not changed.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

LONGEST_CELL_S = 1800
_NOISE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def execute(path: Path) -> nbformat.NotebookNode:
    """Return the notebook with outputs, run in an empty folder with the programs of this environment."""
    notebook: nbformat.NotebookNode = nbformat.read(path, as_version=4)
    programs = str(Path(sys.executable).parent)
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory(prefix="canzhi-notebook-") as folder:
        NotebookClient(
            notebook, timeout=LONGEST_CELL_S, kernel_name="python3", resources={"metadata": {"path": folder}}
        ).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of execution do not matter to a reader
        for output in cell.get("outputs", []):
            if "text" in output:
                output["text"] = _NOISE.sub("", output["text"]).replace(folder, "FOLDER")
    return notebook


def main() -> None:
    """Run the notebook given as argument."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--check", action="store_true", help="do not change the file")
    chosen = parser.parse_args()
    done = execute(chosen.notebook)
    if not chosen.check:
        nbformat.write(done, chosen.notebook)


if __name__ == "__main__":
    main()
