"""The suites. Each module has `NEEDS` (what it installs from PyPI) and `run(report)`."""
