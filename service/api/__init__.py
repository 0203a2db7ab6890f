"""The HTTP API; :mod:`service.app` assembles the FastAPI application from these modules."""
