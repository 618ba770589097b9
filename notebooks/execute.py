"""Executes the notebook's script and writes the paired .ipynb beside it: `python -m notebooks.execute [--check]`.

Outputs that differ between machines and runs (times, paths, warnings of libraries) are left out.
"""

import sys
import time
from pathlib import Path

import click
import jupytext
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat import write as write_notebook

from stacks import environment

FOLDER = Path(__file__).parent
SCRIPT = FOLDER / "01_eda_baseline.py"
NOTEBOOK = SCRIPT.with_suffix(".ipynb")
SECONDS = 300  # for a cell, on a busy machine


def executed(script: Path = SCRIPT) -> NotebookNode:
    """Run every cell of a percent script and return the notebook with its outputs; CellExecutionError if one fails."""
    notebook = jupytext.read(script)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02d}"  # else drawn anew each time
    client = NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", record_timing=False)
    client.resources = {"metadata": {"path": str(FOLDER)}}
    client.extra_arguments = ["--IPKernelApp.log_level=40"]  # it warns of a connection that stays on this machine
    client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.output_type != "stream"]
    notebook.metadata.pop("language_info", None)
    return notebook


def main() -> None:
    """Execute, and write unless --check is given."""
    started = time.monotonic()
    notebook = executed()
    if "--check" not in sys.argv[1:]:
        write_notebook(notebook, NOTEBOOK)
    click.echo(f"notebook: {NOTEBOOK.name} executed in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    environment.prepare()
    main()
