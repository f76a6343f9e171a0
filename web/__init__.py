"""The web application: HTTP API, pages and IIIF, a thin layer over `storage` and `workers`."""
