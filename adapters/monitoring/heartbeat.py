"""The heartbeat: a service elsewhere that raises the alarm when it is no longer called."""

import httpx

from adapters.language import N_
from adapters.settings import settings
from models.common.errors import Reason

TIMEOUT_S = 10.0


def beat(*, all_is_well: bool) -> Reason | None:
    """Ask for the heartbeat's address, or its `/fail`; why it could not be done, None where it was or none is set.

    Never raises: what the watchdog found must not be lost because somebody else's service is down.
    """
    secret = settings().heartbeat_url
    address = secret.get_secret_value().rstrip("/") if secret else ""
    if not address:
        return None
    try:
        httpx.get(address if all_is_well else f"{address}/fail", timeout=TIMEOUT_S).raise_for_status()
    except httpx.HTTPStatusError as error:
        # Its own text holds the address, and that is a secret.
        return Reason(_FAILED, why=f"HTTP {error.response.status_code}")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Reason(_FAILED, why=type(error).__name__)
    return None


_FAILED = N_("the heartbeat could not be sent: {why}")
