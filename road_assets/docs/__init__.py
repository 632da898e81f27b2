"""The long documents, and the code that generates one of them, ``architecture.md``, from the code and the schema.

It is not installed and in no image, since it is useful only next to the source tree that it describes.
"""
