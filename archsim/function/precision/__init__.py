"""Dynamic activation precision: how many bits of each group of inputs are streamed, and from which bit on."""
