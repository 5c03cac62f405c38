"""Training all cohorts of an experiment: what is left, who trains it, and how far it is.

`scheduler.run_sweep` is the way in; `worker` is the process that trains, and alone imports TensorFlow.
"""
