"""How much a valuation over HTTP costs, against an echo, MLflow's server and services written by hand.

`python -m benchmarks.http_service` starts each server on 127.0.0.1 in turn, loads it with `wrk` (Debian: `apt-get
install wrk`) and reads the CPU its processes used from /proc: ratios inside one run, medians of the rounds.
"""
