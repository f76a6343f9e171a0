"""From a table's rows and columns to what was observed: where, when, what, in which unit."""
