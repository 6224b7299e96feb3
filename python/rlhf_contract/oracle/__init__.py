"""From a trainer's batch to an attested epoch: compute, commit, write, co-sign, post."""
