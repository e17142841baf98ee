"""`python -m resegment` is the command. Its options live in cli.py."""

from resegment.cli import main

if __name__ == "__main__":
    main()
