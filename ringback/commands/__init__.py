"""The commands of `ringback`, a module a subject. `ringback.cli` puts them together."""
