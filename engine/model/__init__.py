"""The nouns of the engine: frozen values that import nothing but each other."""
