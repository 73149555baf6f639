"""Tests of deploy/: its files, and the programs that read them."""
