"""One function an act: transaction, permission, models, the outside, a small result."""
