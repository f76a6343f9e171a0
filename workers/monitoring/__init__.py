"""What can be seen of a worker from outside: metrics, and whether its work moves.

The processes that work say what they measured over the line to their supervisor (`measure`), which
adds it up (`metrics`), asks Postgres and the broker what only these know (`survey`), and answers
`/metrics` and `/healthz` (`server`).
"""
