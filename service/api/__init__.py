"""The HTTP interface: the FastAPI application is put together of these in :mod:`service.app`."""
