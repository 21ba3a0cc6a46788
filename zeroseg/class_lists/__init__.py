"""Lists of classes: those that come with the package, as files, and how people write their own."""
