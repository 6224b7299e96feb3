"""The compiled program and its executors: integers in, integers out."""
