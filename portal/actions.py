"""What every act has in common: where it is refused, the page comes again with what was typed."""

from collections.abc import Callable

from fastapi import Request, Response

from models.access import AccessRole
from models.common.errors import DubanError, NotFoundError
from portal.context import ForgedError, RequestContext, read_request, write_request
from portal.forms import Sent

Roles = AccessRole | tuple[AccessRole, ...]
Act = Callable[[RequestContext], Response]
Again = Callable[[RequestContext, DubanError], Response]


def perform(request: Request, form: Sent, roles: Roles, act: Act, again: Again) -> Response:
    """Do it in one transaction; where it is refused, nothing is changed and `again` shows the page with why."""
    roles = roles if isinstance(roles, tuple) else (roles,)
    try:
        with write_request(request, form, *roles) as ctx:
            return act(ctx)
    except (NotFoundError, ForgedError):
        raise
    except DubanError as refused:
        with read_request(request, *roles) as ctx:
            return again(ctx, refused)
