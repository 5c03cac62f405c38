"""Networks: their blocks, special layers and pixels; and a cohort of them as one functional model."""
