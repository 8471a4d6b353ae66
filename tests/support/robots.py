"""Where Apprise's robots are sent in tests: to a server of ours."""

import apprise
import pytest


def lead_here(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Have DingTalk, WeCom, Feishu and Lark at this address of our own machine, which no proxy is asked for."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    plugins = apprise.plugins
    monkeypatch.setattr(plugins.dingtalk.NotifyDingTalk, "notify_url", address + "/robot?access_token={token}")
    monkeypatch.setattr(plugins.wecombot.NotifyWeComBot, "notify_url", address + "/send?key={key}")
    monkeypatch.setattr(plugins.feishu.NotifyFeishu, "notify_url", address + "/hook/{token}")
    monkeypatch.setattr(plugins.lark.NotifyLark, "notify_url", address + "/hook/")
