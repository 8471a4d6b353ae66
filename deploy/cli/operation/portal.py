"""`duban portal` and `duban access`: the pages, and the links that open them."""

import datetime as dt
import os
import signal
import socket

import click

from adapters.evidence import antivirus
from adapters.folders import data_folder
from adapters.prefect_server import prefect_secret
from adapters.settings import override, settings
from deploy.cli.base import _, plan_option, show_table, table, tell, tell_problem
from deploy.cli.operation.access import local_time, office_scope, program_scope, work_on
from deploy.ports import handed_on, listen
from models import access as links
from models.common.errors import NotFoundError
from models.plan.unit import unit_of
from services import links as services
from services import schema
from services.evidence import claim_new_store


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help=_("port to listen on; DUBAN_PORTAL_PORT if not given"))
@click.option("--listening", type=int, hidden=True)  # the descriptor of a socket that `duban up` listens with
def portal(port: int | None, listening: int | None) -> None:
    if port is not None:
        override(DUBAN_PORTAL_PORT=str(port))
    host = settings().portal_host
    with handed_on(listening) if listening else listen(host, settings().portal_port, "DUBAN_PORTAL_PORT") as door:
        _serve(door)


def _serve(door: socket.socket) -> None:
    import uvicorn  # noqa: PLC0415  (quick commands do not pay for it)

    from portal import security_log  # noqa: PLC0415
    from portal.http_protocol import PortalProtocol  # noqa: PLC0415

    schema.ensure()
    claim_new_store()
    security_log.to_file(data_folder(settings().data_dir) / "security.log")
    tell(_("Portal: {url}").format(url=settings().portal_address))
    if warning := antivirus.warning():
        tell_problem(_(warning))
    served = uvicorn.Config(
        "portal.asgi:make_app",
        factory=True,
        # Its own log would hold the addresses, and an address may hold a token.
        access_log=False,
        log_level="warning",
        http=PortalProtocol,
        ws="none",
        server_header=False,
        forwarded_allow_ips=settings().trusted_proxies,
    )
    # The server ends by SIGTERM in its own order; an exception out of a handler might be raised where it is dropped.
    signal.signal(signal.SIGHUP, lambda _sent, _frame: os.kill(os.getpid(), signal.SIGTERM))
    uvicorn.Server(served).run(sockets=[door])


@click.group()
def access() -> None:
    pass


@access.command(help=_("A link for a person of the office: it opens once, and soon."))
@click.argument("name")
@plan_option
def office(name: str, plan_code: str | None) -> None:
    made = services.issue_to_office(office_scope(plan_code, name), name)
    tell(f"{settings().portal_address}{made.path}")


@access.command(help=_("A link for a unit, as its notices carry one."))
@click.argument("code")
@click.option("--days", type=click.IntRange(1, 366), help=_("days that it opens"))
@plan_option
def unit(code: str, days: int | None, plan_code: str | None) -> None:
    lasts = dt.timedelta(days=days or settings().link_days)
    made = services.issue(program_scope(plan_code, "duban access"), code, lasts=lasts)
    tell(f"{settings().portal_address}{made.path}")


@access.command(help=_("What the Prefect server asks for, for people of the office and for programs."))
def prefect() -> None:
    secret = prefect_secret.for_requests()
    if secret is None:
        raise NotFoundError(
            "nothing is known that the Prefect server asks for; `duban up` makes {file}",
            file=prefect_secret.file_in(settings().data_dir),
        )
    tell(secret)


@access.command(name="list", help=_("Links that were issued, and who used them when."))
@click.argument("code", required=False)
@plan_option
def list_links(code: str | None, plan_code: str | None) -> None:
    with work_on(plan_code) as (session, plan):
        unit_id = unit_of(session, plan.id, code).id if code else None
        rows = links.links_of(session, plan, unit_id=unit_id)
    listed = table(_("number"), _("unit"), _("role"), _("issued"), _("until"), _("last used"), numbers=[0])
    for row in rows:
        one = row.Access
        used = f"{local_time(plan, row.used_at)} {row.used_by} {row.used_from}" if row.used_at else "-"
        until = _("withdrawn") if one.revoked_at else local_time(plan, one.expires_at)
        listed.add_row(str(one.id), row.Unit.code, _(one.role), local_time(plan, one.issued_at), until, used)
    show_table(listed)


@access.command(help=_("Withdraw a link, or all of a unit, and what they opened."))
@click.argument("number", type=int, required=False)
@click.option("--unit", "code", metavar="CODE", help=_("all links of this unit"))
@click.option("--by", "by_name", metavar="NAME", required=True, help=_("the name of the person who acts"))
@plan_option
def revoke(number: int | None, code: str | None, by_name: str, plan_code: str | None) -> None:
    if (number is None) == (code is None):
        raise click.UsageError(_("give the number of one link, or --unit CODE"))
    scope = office_scope(plan_code, by_name)
    if number is not None:
        services.withdraw(scope, number)
        tell(_("Link {number} is withdrawn.").format(number=number))
    elif code is not None:
        tell(_("{count} links are withdrawn.").format(count=services.withdraw_all(scope, code)))
