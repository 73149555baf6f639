"""Mocean's API as pure pairs: a module a section of the document; `codes` has the error tables of all of them."""
