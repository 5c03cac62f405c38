"""How results are shown: figures, page, TensorBoard dashboard, checks."""
