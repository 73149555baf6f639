"""Tables of codes: networks, delivery errors, calling codes, countries, GSM 03.38."""
