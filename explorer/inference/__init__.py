"""Using a trained model: encode, decode, sample, denoise."""
