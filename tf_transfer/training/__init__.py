"""Training one cohort, from the stream of images to its results."""
