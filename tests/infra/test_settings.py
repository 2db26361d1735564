"""A wrong setting gives one line that names it."""

import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.stack_settings import load_settings, one_line
from schemas.settings import SettingError, masked


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SPENDLOG_KAFKA", "localhost", "must be host:port"),
        ("SPENDLOG_KAFKA", "a:1,b", "must be host:port"),
        ("SPENDLOG_POSTGRES", "mysql://127.0.0.1/x", "must be a postgresql:// URL"),
        ("SPENDLOG_REDIS", "127.0.0.1:6379", "must be a redis:// URL"),
        ("SPENDLOG_MAVEN", "mirror", "must be a https:// URL"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"setting {name} is wrong: {message}")
    assert "\n" not in str(caught.value)


def test_an_empty_setting_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPENDLOG_KAFKA", "")
    assert load_settings().kafka is None


def test_the_settings_of_every_room_get_the_same_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class RoomSettings(BaseSettings):
        model_config = SettingsConfigDict(env_prefix="SPENDLOG_ROOM_")
        batch_rows_max: int = 1

    monkeypatch.setenv("SPENDLOG_ROOM_BATCH_ROWS_MAX", "many")
    with pytest.raises(ValidationError) as caught:
        RoomSettings()
    line = one_line(caught.value)
    assert line is not None
    assert line.startswith("setting SPENDLOG_ROOM_BATCH_ROWS_MAX is wrong: ")


def test_a_password_is_masked() -> None:
    assert masked("redis://:secret@127.0.0.1:1/0") == "redis://:***@127.0.0.1:1/0"
    assert masked("postgresql://me:secret@[::1]:5/x?a=b") == "postgresql://me:***@[::1]:5/x?a=b"
    assert masked("127.0.0.1:9092") == "127.0.0.1:9092"
    assert masked("sasl_ssl://me:s%40@h:1,i:2?ca=/a") == "sasl_ssl://me:***@h:1,i:2?ca=/a"
    assert masked("postgresql://me:not/quo@ted@h/x") == "postgresql://me:***@h/x"
