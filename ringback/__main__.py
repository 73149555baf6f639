"""The command `ringback`."""

import gc


def main() -> None:
    """Import the command line, and run it (ringback.cli.exits)."""
    # What imports make stays. To look through it again and again, meanwhile and later, would be a fourth of a start.
    gc.disable()
    from ringback.cli.exits import run_command

    gc.freeze()
    gc.enable()
    run_command()


if __name__ == "__main__":
    main()
