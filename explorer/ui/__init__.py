"""The window. It speaks in ``config`` and ``messages``; models and torch are the workers' business."""
