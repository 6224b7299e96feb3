"""Promises about every row, decided by Z3 over exact numbers; every refutation is replayed through the machine."""
