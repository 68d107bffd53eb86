"""What happened, told to whoever wants to know: an outbox that is read by position, and webhooks."""
