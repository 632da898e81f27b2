"""The page for dispatchers: its template, made from the vocabulary, and in ``files`` what a browser loads with it."""
