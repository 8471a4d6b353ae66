"""Whether the program does what it should: asked, told, measured."""
