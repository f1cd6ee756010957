"""The lab's fixtures, for every test that needs a running site, and how long a property may take."""

import os

from hypothesis import settings

pytest_plugins = ["malleposte_lab.plugin"]

if "CI" not in os.environ:  # there hypothesis has a profile of its own
    # a property says what is true, not how fast it is found to be so on a busy machine
    settings.register_profile("unhurried", deadline=None)
    settings.load_profile("unhurried")
