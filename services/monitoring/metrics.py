"""Figures for Prometheus. Each scrape reads them from the database, so none is lost when a process ends."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from adapters import clock
from adapters.database.sessions import read_session
from models.monitoring.metrics import PlanMetrics, plan_metrics

CONTENT_TYPE = CONTENT_TYPE_LATEST
_Value = Callable[[PlanMetrics, dt.datetime], float | None]

GAUGES: dict[str, tuple[str, _Value]] = {
    "duban_assignments_due": ("Assignments that the patrol has to look at now", lambda one, _: one.due),
    "duban_assignments_late": ("Of these, those that a patrol should have found already", lambda one, _: one.late),
    "duban_assignments_set_aside": ("Assignments that a person has to look at", lambda one, _: one.set_aside),
    "duban_messages_pending": ("Notices that wait to be sent", lambda one, _: one.pending),
    "duban_messages_sending": ("Notices that are being sent", lambda one, _: one.sending),
    "duban_messages_dead": ("Notices that were given up", lambda one, _: one.dead),
    "duban_oldest_unsent_seconds": (
        "Age of the oldest notice that is not sent; 0 where all are",
        lambda one, at: (at - one.oldest_unsent_at).total_seconds() if one.oldest_unsent_at else 0,
    ),
    "duban_last_patrol_timestamp_seconds": (
        "When the last patrol set out",
        lambda one, _: one.last_patrol_at.timestamp() if one.last_patrol_at else None,
    ),
    "duban_last_patrol_end_timestamp_seconds": (
        "When the last patrol came to its end that did",
        lambda one, _: one.last_patrol_ended_at.timestamp() if one.last_patrol_ended_at else None,
    ),
    "duban_patrol_duration_seconds": (
        "How long the last patrol took that came to its end",
        lambda one, _: one.patrol_took.total_seconds() if one.patrol_took else None,
    ),
}
COUNTERS: dict[str, tuple[str, _Value]] = {
    "duban_patrols": ("Patrols that set out", lambda one, _: one.patrols),
    "duban_steps_fired": ("Steps of the ladder that patrols fired", lambda one, _: one.fired),
    "duban_letters_sent": ("Letters that patrols sent", lambda one, _: one.letters),
    "duban_letters_failed": ("Letters of patrols that a channel did not take", lambda one, _: one.failed),
}


class _Figures(Collector):
    """The figures of one scrape."""

    def __init__(self, found: Sequence[PlanMetrics], at: dt.datetime) -> None:
        self.found, self.at = found, at

    def collect(self) -> Iterable[Metric]:
        for family, figures in ((GaugeMetricFamily, GAUGES), (CounterMetricFamily, COUNTERS)):
            for name, (words, value) in figures.items():
                metric = family(name, words, labels=["plan"])
                for one in self.found:
                    figure = value(one, self.at)
                    if figure is not None:
                        metric.add_metric([one.plan], figure)
                yield metric


def exposition() -> bytes:
    """All figures in the format of `CONTENT_TYPE`."""
    at = clock.now()
    with read_session() as session:
        found = plan_metrics(session, at)
    registry = CollectorRegistry()
    registry.register(_Figures(found, at))
    return generate_latest(registry)
