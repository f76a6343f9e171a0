"""Tables as grids and as rows: CSV, XLSX, Parquet."""
