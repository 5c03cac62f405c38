"""What runs leave, and where: results, workdir, checkpoints, TensorBoard logs."""
