"""What every resource of the REST API shares: keys and roles, strict fields, paging, batches, idempotency, schema."""
