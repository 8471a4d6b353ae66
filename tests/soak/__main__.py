"""`python -m tests.soak` kills the program and compares what is left with an undisturbed run."""

from tests.soak.soak import main

if __name__ == "__main__":
    main()
