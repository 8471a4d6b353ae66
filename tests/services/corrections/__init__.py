"""What is taken back: hand-ins, acceptances, waivers; and other dates than those asked for."""
