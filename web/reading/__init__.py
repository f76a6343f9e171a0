"""What the pages show, read from Postgres as they need it: queries only, nothing is changed."""
