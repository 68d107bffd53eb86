-- Run after every migration, after the ledger's: what the service may not do, beside what the guards refuse.
REVOKE UPDATE, DELETE ON fund_rulebookversion, fund_allocation, fund_allocationtree, fund_fundsnapshot FROM {role};
REVOKE UPDATE ON fund_cycleposition FROM {role};
REVOKE DELETE ON fund_cycle, fund_fund, fund_transfer FROM {role};
