"""Relations down the columns: rows that sum up other rows."""
