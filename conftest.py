"""The lab's fixtures, for every test that needs a running site."""

pytest_plugins = ["malleposte_lab.plugin"]
