"""Networks in Keras: blocks from layer tables, special layers, normalisation, and a cohort as one functional model."""
