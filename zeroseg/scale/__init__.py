"""Whole archives of pictures: in one process, or on a cluster with Ray."""
