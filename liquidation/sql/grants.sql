-- Run after every migration, after the fund's: what the service may not do, beside what the guards refuse.
REVOKE UPDATE, DELETE ON liquidation_contract, liquidation_answeredqueue, liquidation_deleveraging,
    liquidation_counterpartyfill, liquidation_correction FROM {role};
REVOKE DELETE ON liquidation_takeover, liquidation_fill FROM {role};
