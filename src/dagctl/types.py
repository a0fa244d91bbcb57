"""The types of the SDK, for annotations: its services, and the values that they take and return.

`dagctl` has the functions to call, `dagctl.errors` the errors, and `dagctl.ports` the parts that you can replace.
"""

from dagctl.adapters.system.terminal import Terminal
from dagctl.domain.doctor.chain import Advice, Check, Finding, Mark
from dagctl.domain.doctor.checkup import Doctor
from dagctl.domain.generation import ConfigGeneration, Conversion
from dagctl.domain.generation.additions import Addition
from dagctl.domain.generation.states import KeptState
from dagctl.domain.services.accounts import AccountService
from dagctl.domain.services.context import ContextService
from dagctl.domain.services.login import Destination, SignedIn
from dagctl.domain.services.projects import ProjectService
from dagctl.domain.services.protection import ProtectionService
from dagctl.domain.services.session import SessionService
from dagctl.domain.services.state import StateService
from dagctl.domain.values.account import Account, SessionStatus
from dagctl.domain.values.context import Context, Origin, Overrides, Pin, Sourced
from dagctl.domain.values.document import YamlDocument
from dagctl.domain.values.handshake import Handshake
from dagctl.domain.values.platform import Advertisement, ApiAccess, Organization, Platform, Project, StateProxy
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.state import StateCredentials, StateEndpoint
from dagctl.domain.values.targets import EnvironmentName, Targets, Verdict
from dagctl.domain.values.tokens import Identity, TokenSet

__all__ = [
    "Account",
    "AccountService",
    "Addition",
    "Advertisement",
    "Advice",
    "ApiAccess",
    "Check",
    "ConfigGeneration",
    "Context",
    "ContextService",
    "Conversion",
    "Destination",
    "Doctor",
    "EnvironmentName",
    "Finding",
    "Handshake",
    "Identity",
    "KeptState",
    "Mark",
    "Organization",
    "Origin",
    "Overrides",
    "Pin",
    "Platform",
    "Project",
    "ProjectService",
    "ProtectionService",
    "Secret",
    "SessionService",
    "SessionStatus",
    "Settings",
    "SignedIn",
    "Sourced",
    "StateCredentials",
    "StateEndpoint",
    "StateProxy",
    "StateService",
    "Targets",
    "Terminal",
    "TokenSet",
    "Verdict",
    "YamlDocument",
]
