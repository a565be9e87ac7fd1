"""The homeowner's page: own water and power, behind a secret link or a log-in."""
