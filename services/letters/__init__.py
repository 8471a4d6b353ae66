"""Letters on their way out: the link that each carries, their words, and the workers that send them."""
