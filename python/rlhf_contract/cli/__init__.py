"""The command line: `rlhf-contract`. One file for each group of commands; heavy imports happen inside them."""
