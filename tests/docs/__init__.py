"""Tests of the pages: what they name exists, what they say is done."""
