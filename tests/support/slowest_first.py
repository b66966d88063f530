"""The files of tests that take longest, though some have few tests."""

from typing import Final

SLOWEST_FIRST: Final = (
    # More than half a minute of CPU.
    "fault_matrix/test_fault_matrix.py",
    "fault_matrix/test_time_budget.py",
    "infra/test_app.py",
    "integration/test_snapshot_reading.py",
    "wcsctl/test_verify.py",
    "infra/test_independent_checks.py",
    "infra/test_packaging.py",
    "property/test_payload_properties.py",
    "property/test_guard_properties.py",
    # More than ten seconds.
    "infra/test_functions.py",
    "property/test_decision_properties.py",
    "infra/test_runbook.py",
    "infra/test_deployment.py",
    "infra/test_best_practice.py",
    "infra/test_exposure.py",
    "infra/test_data.py",
    "fault_matrix/test_slow_services.py",
    "property/test_hostile_policy_properties.py",
    "integration/test_compiler_walk.py",
    "integration/test_policy_store.py",
    "property/test_syntax_tree_properties.py",
    "infra/test_construct.py",
    # End to end, more than a minute each. The types are checked beside the first ones, which
    # therefore time nothing.
    "e2e/test_verify.py",
    "e2e/test_recovery.py",
    "e2e/test_wcsctl_policy.py",
    "e2e/test_wcsctl_operations.py",
    "e2e/test_other_settings.py",
    "e2e/test_faults.py",
    "e2e/test_hostile_bodies.py",
    "e2e/test_permissions.py",
    "e2e/test_wcsctl_roles.py",
    "e2e/test_policies.py",
)
