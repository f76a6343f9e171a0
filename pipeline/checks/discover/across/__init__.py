"""Relations along the rows: columns that are computed from others, and columns that count."""
