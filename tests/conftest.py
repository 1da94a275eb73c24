"""What tests may ask for: services of the machine, skipped where they are not found."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

# The public contracts assert; their failures shall show values as those of tests do.
pytest.register_assert_rewrite("pipeline.testing")

# The commands that offer a service, and the Debian package that brings the first of them.
SERVICES: Final = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "openssl": ("openssl",),
}
NOT_FOUND: Final = "service not found: "

# How fast an example runs says more about the machine than about the code.
settings.register_profile(
    "default",
    settings.get_profile("default"),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def require(service: str) -> str:
    """Return the path of a service's command; without it skip the test, or fail it in CI.

    Args:
        service: a key of SERVICES.
    """
    for command in SERVICES[service]:
        if path := shutil.which(command):
            return path
    if os.environ.get("CI") == "true":
        pytest.fail(f"{NOT_FOUND}{service}, and CI has every service", pytrace=False)
    pytest.skip(f"{NOT_FOUND}{service}")


@pytest.fixture(scope="session", autouse=True)
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what programs under test would keep in the cache of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Give the path of a Chromium that Playwright can drive."""
    return require("chromium")


@pytest.fixture(scope="session")
def openssl_path() -> str:
    """Give the path of the openssl command."""
    return require("openssl")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each service that was not found, and how many tests that cost."""
    skipped: Counter[str] = Counter()
    for report in terminalreporter.getreports("skipped"):
        # A skip is (file, line, reason), also when it comes from another worker.
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        _, found, service = reason.partition(NOT_FOUND)
        if found:
            skipped[service] += 1
    if skipped:
        terminalreporter.section("not tested here")
    for service, tests in sorted(skipped.items()):
        terminalreporter.line(f"{service}: {tests} tests skipped; apt-get install {service}")
