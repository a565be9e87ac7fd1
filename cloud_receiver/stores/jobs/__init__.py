"""What the one writer of a store does: a job is `job(db, *args)` in the writer's transaction, durable once it commits.

Law: jobs may ask queries, and import data and the store's contract; base alone imports them.
"""


def can_wait(job):
    """Mark a job that lets the others go first, for a while (see writer.py)."""
    job.can_wait = True
    return job
