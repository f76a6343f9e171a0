"""Drawn pages with known truth: for the samples, for tests, and to train on."""
