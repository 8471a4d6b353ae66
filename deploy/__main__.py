"""`python -m deploy` is `duban`."""

from deploy.cli import main

main()
