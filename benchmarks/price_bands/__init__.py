"""Compare the estimator with other methods on real price sets: coverage and width of their bands.

Run: ``.venv/bin/python -m benchmarks.price_bands --data FOLDER --split random --seeds 5 --write``

The other methods are not dependencies of the project; they are installed in a separate environment::

    uv venv .venv-benchmarks && uv pip sync --python .venv-benchmarks requirements/benchmarks.lock

The price sets are for evaluation only and are not part of the repository. Without them a synthetic stand-in shows that
the benchmark runs; its figures are meaningless and never written to a page.
"""
