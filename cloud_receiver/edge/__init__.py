"""What gateways reach: batches, enrolment, releases. May import stores, office and data."""
