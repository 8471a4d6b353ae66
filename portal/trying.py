"""What every act has in common: where it is refused, the page comes again with what was typed."""

from collections.abc import Callable

from fastapi import Request, Response

from models.access import AccessRole
from models.common.errors import DubanError, NotFoundError
from portal.forms import Sent
from portal.visits import ForgedError, Visit, acting, visiting

Roles = AccessRole | tuple[AccessRole, ...]
Act = Callable[[Visit], Response]
Again = Callable[[Visit, DubanError], Response]


def tried(request: Request, form: Sent, roles: Roles, act: Act, again: Again) -> Response:
    """Do it in one transaction; where it is refused, nothing is changed and `again` shows the page with why."""
    roles = roles if isinstance(roles, tuple) else (roles,)
    try:
        with acting(request, form, *roles) as visit:
            return act(visit)
    except (NotFoundError, ForgedError):
        raise
    except DubanError as refused:
        with visiting(request, *roles) as visit:
            return again(visit, refused)
