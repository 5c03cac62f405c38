"""How results are shown: figures, page, TensorBoard dashboard, checks. The way in is `reports.write_report`."""
