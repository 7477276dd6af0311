"""Training: one loop for every family. Rank, device and screen are somebody else's business."""
