"""Image stores, and what they are made from.

`store_writer.prepare_store` makes a store of a source (`sources`); `image_store.ImageStore` reads its images by index.
"""
