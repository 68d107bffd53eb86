-- Run after every migration, as the owner of the tables; {role} is the role that the service connects as.
-- The service reads everything and adds to the journal; totals of accounts move through the posting door alone. Of all
-- other tables it has full use, within their guards.
GRANT USAGE ON SCHEMA public TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};
REVOKE UPDATE, DELETE ON ledger_account, ledger_entry, ledger_posting FROM {role};
REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role};
