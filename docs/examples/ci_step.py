"""A step in CI: fail early if the environment to deploy is protected from this job.

The tokens, the organization and the project come from DAGCTL_ACCESS_TOKEN, DAGCTL_ID_TOKEN, DAGCTL_ORG and
DAGCTL_PROJECT. The step reads and writes no home, and never prompts.
"""

from __future__ import annotations

import sys

import dagctl


def main(environment: str) -> int:
    """The step's exit code."""
    client = dagctl.connect()
    try:
        client.protection.check(environment)
    except dagctl.ProtectionRefused as refusal:
        print(f"::error::{refusal.message}")
        return 1
    except dagctl.DagctlError as error:
        print(f"::error::Not checked: {error.message}")
        return 2
    print(f"{environment} is open.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
