"""How alike two whole tables are, by the two measures in use for table recognition."""
