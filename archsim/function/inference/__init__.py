"""Integer networks on pictures: inference, its statistics, and how good the answers are."""
