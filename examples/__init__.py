"""Sample handler modules: `RINGBACK_HANDLERS=examples.auto_reply,examples.delivery_alert,examples.ivr`."""
