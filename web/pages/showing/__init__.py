"""How things look on every page: signs for statuses, cut-outs of ink, charts."""
