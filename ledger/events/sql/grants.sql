-- Run after every migration, after the ledger's: events are added and read; their positions come from their function.
REVOKE UPDATE, DELETE ON events_event FROM {role};
REVOKE INSERT, UPDATE, DELETE ON events_counter FROM {role};
