"""Pixels and a profile in, a transcription out: no database, queue, network or clock."""

import os

# Threads of torch that have nothing to do let others have their core. They turn in circles
# otherwise, and two processes on the same cores take five times as long as one after the other.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
