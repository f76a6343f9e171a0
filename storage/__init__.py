"""Where pages, work and results are kept: Postgres for rows, an object store for images."""
