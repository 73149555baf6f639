"""The command line, a module a subject. `ringback.cli.program` puts them together."""
