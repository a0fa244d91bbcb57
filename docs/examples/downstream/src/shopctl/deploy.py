"""What may be deployed, and where."""

from __future__ import annotations

import dagctl


def deploy(client: dagctl.Dagctl, environment: str) -> str:
    """Deploy the project `shop`, or say why not."""
    try:
        client.protection.check(environment, project="shop")
    except dagctl.NotSignedIn:
        return "sign in first"
    except dagctl.ProtectionRefused as error:
        return f"refused: {error.message}"
    return f"deployed to {environment}"
