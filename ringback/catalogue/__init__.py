"""What other programs read about the events: JSON Schemas, and an AsyncAPI document of the stream."""
