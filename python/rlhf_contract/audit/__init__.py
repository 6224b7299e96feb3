"""Trust nobody: from a node and a folder alone, derive every attested reward again and say true or false."""
