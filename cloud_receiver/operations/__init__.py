"""What keeps a receiver running: backup, health, metrics, logs, what becomes too old. May import edge and below."""
