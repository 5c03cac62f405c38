"""Training one cohort, from the stream of images to its results.

`train.train_cohort` is the way in; `loop.train` is the loop.
"""
