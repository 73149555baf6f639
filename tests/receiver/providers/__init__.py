"""Tests of the providers' callbacks: a module a provider, of the same name."""
