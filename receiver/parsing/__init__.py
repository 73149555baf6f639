"""From the bytes of a request to events. No Redis in here, and no clock but the time that a request came."""
