"""The order of things: one flow a phase, and the recurring patrol."""
