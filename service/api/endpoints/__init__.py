"""The HTTP endpoints, one module per subject with its schemas; :data:`service.app.ROUTERS` lists them."""
