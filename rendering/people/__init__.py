"""What is said of the register of people: its Excel sheets, and the letter that tries an address."""
