"""What gateways reach: batches, enrolment, releases.

Law: imports stores, office and data, and nothing else of the receiver.
"""
