"""Notices to the works by e-mail and webhook: gateways that fell silent, meters that report an alarm."""

SERVICE = "notices.Notices"
