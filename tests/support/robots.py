"""Where Apprise's robots are sent in tests: to a server of ours."""

import pytest
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.lark import NotifyLark
from apprise.plugins.wecombot import NotifyWeComBot


def lead_here(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Have DingTalk, WeCom, Feishu and Lark at this address of our own machine, which no proxy is asked for."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(NotifyDingTalk, "notify_url", address + "/robot?access_token={token}")
    monkeypatch.setattr(NotifyWeComBot, "notify_url", address + "/send?key={key}")
    monkeypatch.setattr(NotifyFeishu, "notify_url", address + "/hook/{token}")
    monkeypatch.setattr(NotifyLark, "notify_url", address + "/hook/")
