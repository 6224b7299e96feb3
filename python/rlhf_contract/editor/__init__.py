"""The language server: what an editor asks about a Legal-Blocks file, answered over standard input and output."""
