"""Mocean's side: a module a section of its document; `endpoints` has their paths, `asking` how a request is read."""
