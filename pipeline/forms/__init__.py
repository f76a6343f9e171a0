"""Forms: what the tables of a bulk job have in common, learnt once and used on every page."""
