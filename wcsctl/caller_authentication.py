"""How WCS proves to a deployment that it is WCS, for those who send hooks in its place."""

from simulated_wcs.transport import Authentication, BasicCredentials, NoAuthentication, Signature
from wcs_hooks.core.caller import Auth
from wcs_hooks.core.methods import Category
from wcsctl.caller_secret import CallerSecretStore
from wcsctl.deployment import Deployment
from wcsctl.function_configuration import FunctionConfigurations


def caller_authentication(
    deployment: Deployment, configurations: FunctionConfigurations
) -> Authentication:
    """Return what a deployment accepts, with its current secret.

    Raises
    ------
    NotFoundError
        If the function or the secret is gone.
    SecretFormError
        If the secret is not of the form that the functions read.
    """
    configuration = configurations.for_function(Category.CONNECT)
    if configuration.auth is Auth.NONE:
        return NoAuthentication()
    secret = CallerSecretStore(deployment).read().current
    if configuration.auth is Auth.BASIC:
        return BasicCredentials(configuration.basic_user, secret)
    return Signature(secret)
