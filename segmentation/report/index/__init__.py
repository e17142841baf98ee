"""The index pages: one of a segmentation's editions, one of a store's segmentations."""
