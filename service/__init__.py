"""The service: HTTP API, web page, command line, fleet scoring and the store of valuations."""
