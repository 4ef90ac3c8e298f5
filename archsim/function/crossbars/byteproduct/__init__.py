"""Exact products of 8-bit operands with the processor's byte dot products (AVX-512 VNNI): four times a float32 BLAS."""

from archsim.function.crossbars.byteproduct.product import has_byte_products, prepare_bytes

__all__ = ["has_byte_products", "prepare_bytes"]
