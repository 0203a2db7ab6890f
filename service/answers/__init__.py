"""Answers (答复) that HTTP, page and command line give alike: valuation, findings, battery code."""
