"""What a network computes on a chip: float reference, quantization, crossbar engines, inference and its statistics."""
