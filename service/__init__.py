"""The counter: command line, HTTP, web page and the store of valuations; one request in, one valuation out."""
