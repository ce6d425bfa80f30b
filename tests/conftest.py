"""What several test files share: the folder of gold data, and a bot over the sample pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from error_sentences import watch
from hypothesis import HealthCheck, settings

from qa.bot import Bot
from qa.config import Settings

pytest.register_assert_rewrite("browsing")  # so that a failing check there says what it saw

watch()
# No example fails for the time that it takes.
settings.register_profile("wenbao", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wenbao")

SHARED = Path(__file__).parents[1].parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of gold data and bench sets beside the repository; tests that need it are skipped without it."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the gold data in {SHARED.name}/ beside the repository")
    return SHARED


@pytest.fixture(scope="session")
def seeds_bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """A bot over the five sample pages, with the embedded model. Not to be changed by a test."""
    with Bot.open(Settings(data=tmp_path_factory.mktemp("seeds-data"))) as bot:
        yield bot
