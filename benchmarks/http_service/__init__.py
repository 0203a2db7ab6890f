"""Measure the cost of a valuation over HTTP, compared with an echo, MLflow's server and hand-written services.

`python -m benchmarks.http_service` starts each server on 127.0.0.1 in turn, loads it with `wrk` (Debian: `apt-get
install wrk`) and reads the CPU time of its processes from /proc. Ratios are taken within one run; figures are medians
of the rounds.
"""
