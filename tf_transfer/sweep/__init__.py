"""Training all cohorts of an experiment: what is left, who trains it, and how far it is."""
