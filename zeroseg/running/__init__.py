"""The runner: takes batches through declared stages, whatever these are about."""
