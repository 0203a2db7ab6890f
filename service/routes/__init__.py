"""The HTTP routes, one module a subject; :data:`service.app.ROUTERS` is the table."""
