"""The endpoints, one module per subject: its schemas, then its routes; :data:`service.app.ROUTERS` lists them."""
