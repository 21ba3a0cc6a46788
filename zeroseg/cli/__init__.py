"""The command line: one file per command; models are imported when a command runs."""
