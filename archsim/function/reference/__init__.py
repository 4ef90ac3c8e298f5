"""The float network: what a quantized one is compared with."""
