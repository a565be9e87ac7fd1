"""What keeps a receiver running: backup, health, metrics, logs, what becomes too old.

Law: imports edge and below; nothing of web or of a feature.
"""
