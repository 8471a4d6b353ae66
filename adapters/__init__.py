"""The outside world, in folders by what they reach."""
