"""What is asked for: config, class splits, treatments, plan, seeds. Plain data, without TensorFlow."""
