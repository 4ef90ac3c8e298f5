"""Arrays that open a few rows at a time: which rows each read opens, what every conversion of it gives, and how many
reads measured inputs take."""
