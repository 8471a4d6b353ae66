"""What the program says: letters, bulletins, labels, documents, charts."""
