"""Checks on a traced history (溯源核验): findings, trust grade, evidence tier, closed routes and refusals."""
