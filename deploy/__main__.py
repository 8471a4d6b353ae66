"""`python -m deploy` is `duban`."""

from deploy.cli.main import main

main()
