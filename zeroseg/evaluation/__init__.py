"""Scored runs: records of images, result folders, reports, oracle, ablation, comparison."""
