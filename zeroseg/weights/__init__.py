"""Where weights come from: the hub, folders and files of authors, read whole or refused."""
