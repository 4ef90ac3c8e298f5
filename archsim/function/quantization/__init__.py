"""From a float graph to a network of integers: ranges, formats, weight quantizers."""
