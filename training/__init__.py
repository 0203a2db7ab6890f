"""The workshop: a sales ledger in, a judged and registered model out; also the simulator and the back-test."""
