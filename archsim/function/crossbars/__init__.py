"""What crossbars compute: cells, converters and the engines that multiply through them."""
