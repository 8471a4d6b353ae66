"""Every service but Slack, through Apprise. An address is a URL that often holds a secret: never logged."""

import logging

from adapters.channels import Outcome, Post, Receipt


class AppriseChannel:
    """One Apprise URL with one recipient for each address: of several, one failing repeats the others."""

    def __init__(self, timeout_s: int) -> None:
        self._timeout_s = timeout_s

    def send(self, target: str, post: Post) -> Receipt:
        import apprise  # noqa: PLC0415 - it loads its plugins, and most offices do not need it

        _hush()
        # One thread, so that `Channels` alone decides how much goes on at once.
        asset = apprise.AppriseAsset(async_mode=False, secure_logging=True)
        try:
            service = apprise.Apprise.instantiate(target, asset=asset)
            if service is None:
                return Receipt(Outcome.PERMANENT, "Apprise does not accept this address")
            # An address can ask for retries of its own, and to call a failure a success (`optional`).
            service.retry, service.optional = 0, False
            service.socket_connect_timeout = service.socket_read_timeout = float(self._timeout_s)
            box = apprise.Apprise(asset=asset)
            box.add(service)
            sent = box.notify(body=post.body, title=post.subject, body_format=apprise.NotifyFormat.TEXT)
        except Exception as error:  # noqa: BLE001 - over a hundred plugins, each with its own; the text may hold the URL
            return Receipt(Outcome.TEMPORARY, f"Apprise failed: {type(error).__name__}")
        if sent:
            return Receipt(Outcome.SENT, "taken by the service")
        return Receipt(Outcome.TEMPORARY, "not taken by the service; Apprise does not say why")

    def was_sent(self, target: str, key: str) -> bool | None:  # noqa: ARG002 - the protocol's
        return None


def _hush() -> None:
    """Apprise logs hosts and addresses, and urllib3 the path that holds a robot's token."""
    logging.getLogger("apprise").disabled = True
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
