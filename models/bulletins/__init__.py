"""The periodic report (督查通报)."""
