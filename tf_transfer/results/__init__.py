"""What runs leave, and where: results, predictions, workdir, checkpoints, TensorBoard logs."""
