"""The estimator against named rivals on real sales: who gives the sharper band that holds.

Run: ``.venv/bin/python -m benchmarks.price_bands --data FOLDER --split random --seeds 5 --write``

The rivals are not among the project's dependencies; they live in an environment of their own, made once::

    uv venv .venv-benchmarks && uv pip sync --python .venv-benchmarks requirements/benchmarks.lock

The price sets are for evaluation only and no row of them is here. Where the path is absent, a synthetic stand-in is
used to show that the benchmark runs; its figures mean nothing and are never written to a page.
"""
