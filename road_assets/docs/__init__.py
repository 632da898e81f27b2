"""The long documents, and the code that writes one of them, ``architecture.md``, from the code and the schema.

Not installed and in no image: it is of use only beside the tree that it describes.
"""
