"""Every setting: read, checked, documented."""

from pathlib import Path
from typing import Any

import pytest

from trimtab.core.errors import InvalidRequest
from trimtab.server.settings import SETTINGS, Settings, table

ROOT = Path(__file__).parents[2]


def test_the_defaults_need_no_environment() -> None:
    found = Settings.read({})
    assert found == Settings()
    assert found.catalog_url.startswith("sqlite:////")
    assert found.catalog_url.endswith("/trimtab-data/catalog.sqlite")


def test_every_field_is_a_setting_and_every_setting_a_field() -> None:
    assert {setting.field for setting in SETTINGS} == set(Settings.__struct_fields__)
    assert all(setting.variable == f"TRIMTAB_{setting.field.upper()}" for setting in SETTINGS)


@pytest.mark.parametrize("setting", [s for s in SETTINGS if not s.example.startswith("$")], ids=lambda s: s.variable)
def test_every_example_is_right(setting: Any) -> None:
    Settings.read({setting.variable: setting.example})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TRIMTAB_PORT", "80a"),
        ("TRIMTAB_PORT", "65536"),
        ("TRIMTAB_PORT", "-1"),
        ("TRIMTAB_PORT", "²"),
        ("TRIMTAB_PORT", "9" * 5000),
        ("TRIMTAB_HOST", "http://x"),
        ("TRIMTAB_WORKERS", "0"),
        ("TRIMTAB_DATABASE_URL", "mysql://u:canary@h/d"),
        ("TRIMTAB_TELEMETRY_URL", "canary"),
        ("TRIMTAB_ADMIN_KEY", "canary"),
        ("TRIMTAB_SECRET_KEY", "canary"),
        ("TRIMTAB_SPOOL_SYNC", "maybe"),
        ("TRIMTAB_SPOOL_MAX_MB", "0"),
        ("TRIMTAB_LOG_LEVEL", "LOUD"),
        ("TRIMTAB_DRAIN_SECONDS", "nan"),
        ("TRIMTAB_DRAIN_SECONDS", "soon"),
        ("TRIMTAB_MAX_BODY_MB", "1.5"),
        ("TRIMTAB_PUBLIC_URL", "trimtab.example.com"),
    ],
)
def test_a_wrong_value_is_refused_with_its_variable_and_an_example(variable: str, value: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Settings.read({variable: value})
    assert caught.value.param == variable
    assert caught.value.message.startswith(f"{variable} must be ")
    assert f"{variable}=" in caught.value.fix
    assert "canary" not in caught.value.sentence()


def test_an_option_wins_over_its_variable_and_one_left_out_does_not() -> None:
    environ = {"TRIMTAB_PORT": "4700", "TRIMTAB_HOST": "0.0.0.0"}
    found = Settings.read(environ, port=4800, host=None)
    assert (found.port, found.host) == (4800, "0.0.0.0")


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert Settings.read({"TRIMTAB_ADMIN_KEY": "", "TRIMTAB_PORT": ""}) == Settings()


def test_secrets_are_not_in_the_repr() -> None:
    found = Settings.read(
        {"TRIMTAB_ADMIN_KEY": "tt_canary-canary-canary", "TRIMTAB_DATABASE_URL": "postgresql://u:canary@h/d"}
    )
    assert "canary" not in repr(found)


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        (Settings(), "http://127.0.0.1:4600"),
        (Settings(host="0.0.0.0", port=80), "http://127.0.0.1:80"),
        (Settings(host="::1"), "http://[::1]:4600"),
        (Settings.read({"TRIMTAB_PUBLIC_URL": "https://t.example.com/"}), "https://t.example.com"),
        (Settings(port=0).at_port(4711), "http://127.0.0.1:4711"),
    ],
)
def test_the_address_is_where_people_reach_the_server(settings: Settings, address: str) -> None:
    assert settings.address == address


def test_the_reference_page_is_current() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text()
    assert page == table(), "run: python -m trimtab.server.settings > docs/reference/settings.md"
    assert all(setting.variable in page for setting in SETTINGS)
