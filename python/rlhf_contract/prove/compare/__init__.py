"""Two versions of a contract: what a vote between them would change, proved or shown by a row."""
