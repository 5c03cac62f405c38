"""What is asked for: config, tasks, treatments, plan, seeds. Plain data, without TensorFlow.

`config.Experiment` has every field; `plan.make_plan` lists the runs, the bases that they need, and their cohorts.
"""
