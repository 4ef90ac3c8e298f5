"""Design search over the space of a sweep."""
