"""The only reader of the environment."""

import functools
import os
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting of Duban; each is the environment variable `DUBAN_` + its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="DUBAN_", extra="ignore")

    data_dir: Path = Field(Path(".duban"), description="Folder of the embedded database, files and logs.")
    database_url: str | None = Field(
        None,
        description="postgresql://… of a PostgreSQL 15 or later; the embedded one when empty.",
    )
    database_pooled: bool = Field(
        default=False,
        description="Whether a pooler such as PgBouncer in transaction mode stands before the database.",
    )
    statement_timeout_s: int = Field(
        60, ge=0, description="Seconds that one statement to the database may take; 0 for as long as it likes."
    )
    lock_timeout_s: int = Field(
        10, ge=0, description="Seconds that a statement waits for rows that somebody else holds; 0 for ever."
    )
    idle_transaction_timeout_s: int = Field(
        300, ge=0, description="Seconds after which the database ends a transaction that does nothing; 0 for never."
    )
    language: Literal["zh", "en"] = Field("zh", description="Language of notices and of the command line.")
    clock_file: Path | None = Field(
        None, description="File with an ISO instant that replaces the clock. For rehearsals and drills only."
    )
    evidence_url: str | None = Field(
        None,
        description="fsspec address of the evidence store, such as s3://bucket/duban; a folder of data_dir when empty.",
    )
    evidence_max_mb: int = Field(50, gt=0, description="Largest file that a unit may hand in, in MiB.")
    evidence_unpacked_max_mb: int = Field(
        500, gt=0, description="Largest unpacked size of an Office or zip file, in MiB."
    )
    upload_max_files: int = Field(20, gt=0, description="Most files that may be handed in at once.")
    upload_max_mb: int = Field(200, gt=0, description="Largest request in MiB.")
    unit_daily_files: int = Field(500, gt=0, description="Most files that one unit may hand in within a day.")
    unit_daily_mb: int = Field(2_000, gt=0, description="Most MiB that one unit may hand in within a day.")
    unit_total_mb: int = Field(50_000, gt=0, description="Most MiB that the files of one unit may take up.")
    evidence_free_mb: int = Field(
        1_000, ge=0, description="MiB that stay free on the disk of the evidence store: then no more files are taken."
    )
    clamd: str = Field(
        "",
        pattern=r"^(tcp://[^/]+:\d+|unix:///.+)?$",
        description="Address of ClamAV's clamd, tcp://host:3310 or unix:///run/clamd.sock; when it is given, "
        "only what it finds clean is taken.",
    )
    addresses_file: Path | None = Field(
        None, description="YAML: unit code (or `default`) to mailbox, slack:CHANNEL or an Apprise URL."
    )
    slack_token: SecretStr | None = Field(None, description="Slack bot token with chat:write.")
    slack_signing_secret: SecretStr | None = Field(
        None, description="Signing secret of the Slack app, for its buttons; without one they are not answered."
    )
    slack_api_url: str = Field("https://slack.com/api/", description="Address of Slack's Web API.")
    channel_limits_file: Path | None = Field(
        None, description="TOML: what differs from our limits of services, such as [slack] with apart_s and rest_s."
    )
    quiet_hours: str = Field(
        "20:00-08:00",
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$",
        description="Hours of the day, in the plan's time zone, at which no notice leaves; none when empty.",
    )
    red_at_any_time: bool = Field(
        default=False, description="Whether red orders leave in quiet hours and on days off as well."
    )
    watchdog_address: SecretStr | None = Field(
        None,
        description="Where the office is told what the watchdog found: slack:CHANNEL or an Apprise URL, best on "
        "another service than the notices.",
    )
    heartbeat_url: SecretStr | None = Field(
        None,
        description="https://… that the watchdog asks for when all is well, and with /fail behind it when not "
        "(healthchecks.io and the like).",
    )
    metrics_token: SecretStr | None = Field(
        None, min_length=16, description="Bearer token of /metrics, for Prometheus; without one it does not exist."
    )
    send_timeout_s: int = Field(10, gt=0, le=60, description="Seconds that one send to a channel may take.")
    prefect_port: int = Field(4200, description="Port of the Prefect server that `duban up` starts.")
    prefect_url: str = Field(
        "", description="Address of a Prefect server elsewhere; the one at prefect_port when empty."
    )
    prefect_ui_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#@\s]+)?$",
        description="Address at which people at other machines reach the Prefect UI, through a proxy that asks for a "
        "login; the server itself listens on 127.0.0.1 alone.",
    )
    prefect_auth_string: SecretStr | None = Field(
        None,
        description="user:password that the Prefect server asks for. When empty: of our own server, what lies in "
        "data_dir; of another, what PREFECT_API_AUTH_STRING says.",
    )
    gate_confirmed: bool = Field(
        default=False,
        description="Whether an answer that is typed at a gate in the Prefect UI waits until a person of the office "
        "decides in the portal.",
    )
    portal_port: int = Field(8400, description="Port of the portal.")
    portal_host: str = Field("127.0.0.1", description="Address that the portal listens on.")
    portal_url: str = Field("", description="Address of the portal as people reach it, for links in notices.")
    trusted_proxies: str = Field(
        "127.0.0.1", description="Addresses whose X-Forwarded-For and X-Forwarded-Proto are believed, with commas."
    )
    idle_minutes: int = Field(
        120, gt=0, description="Minutes without a click after which somebody has to open their link again."
    )
    link_days: int = Field(60, gt=0, description="Days that a link in a notice opens.")
    requests_per_minute: int = Field(
        600, gt=0, description="Requests a minute of one stay, and of all strangers at one address."
    )
    entries_per_minute: int = Field(30, gt=0, description="Links a minute that one address may try.")

    @field_validator("prefect_url")
    @classmethod
    def _is_bare(cls, url: str) -> str:
        """Without a password, as addresses stand in links and in logs, and without what stands behind each of them."""
        if "@" in urlsplit(url).netloc:
            raise ValueError("an address with a user or a password; they belong in DUBAN_PREFECT_AUTH_STRING")
        # Prefect's own setting ends in /api, and people copy what they have.
        return url.rstrip("/").removesuffix("/api").rstrip("/")

    @property
    def prefect_said(self) -> str:
        """What the settings say that the Prefect server asks for."""
        return self.prefect_auth_string.get_secret_value() if self.prefect_auth_string else ""

    @property
    def prefect_own_variable(self) -> str | None:
        """The same as Prefect itself is told: whoever has set it for a worker need not say it twice."""
        return os.environ.get("PREFECT_API_AUTH_STRING")

    @property
    def prefect_api(self) -> str:
        return f"{self.prefect_url or f'http://127.0.0.1:{self.prefect_port}'}/api"

    @property
    def portal_address(self) -> str:
        """Where people reach the portal, without a slash at its end."""
        return self.portal_url.rstrip("/") or self.portal_at

    @property
    def portal_at(self) -> str:
        """Where it listens, as an address of this machine: without a slash at its end."""
        host = f"[{self.portal_host}]" if ":" in self.portal_host else self.portal_host
        return f"http://{host}:{self.portal_port}"

    def run_address(self, run_id: str) -> str:
        """Where a person looks at a flow run."""
        return f"{self.prefect_pages}/runs/flow-run/{run_id}"

    @property
    def prefect_pages(self) -> str:
        """Where people reach the Prefect UI, without a slash at its end."""
        return self.prefect_ui_url or self.prefect_api.removesuffix("/api")

    @property
    def evidence_address(self) -> str:
        return self.evidence_url or str((self.data_dir / "evidence").absolute())


@functools.cache
def settings() -> Settings:
    """Read once in a process; tests call `settings.cache_clear()` after changing the environment."""
    return Settings()


def proxy_for(url: str) -> str | None:
    """The proxy that the environment wants for an address (HTTPS_PROXY, NO_PROXY and the like)."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


LOOPBACK = ("127.0.0.1", "localhost", "::1")


def reach_this_machine_directly() -> None:
    """Keep calls to this machine from going through a proxy: no proxy elsewhere reaches our servers.

    For this process and the ones it starts, Prefect's own clients among them; other calls still use the proxy.
    """
    # Some programs read only one of the spellings, and who reads both reads the lower case first.
    known = [name.strip() for spelling in ("no_proxy", "NO_PROXY") for name in os.environ.get(spelling, "").split(",")]
    if "*" in known:  # no proxy for anybody; in a list it would mean nothing to some
        return
    wanted = ",".join(dict.fromkeys(filter(None, (*known, *LOOPBACK))))
    override(no_proxy=wanted, NO_PROXY=wanted)


def child_environment(**changes: str) -> dict[str, str]:
    """The environment for a process that we start: ours, with these changes."""
    return {**os.environ, **changes}


def override(**changes: str | None) -> None:
    """Change settings for this process and the ones it starts, as if the environment had said so from the start."""
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    settings.cache_clear()
