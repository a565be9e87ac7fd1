"""What the tests of the stores share."""

from cloud_receiver.stores import queries


async def every_meter(store):
    """Every meter of a store with its latest reading and all its coverage (queries.meters.one), by their texts."""
    texts = await store.read(lambda db: db.execute("SELECT meter FROM meters ORDER BY meter").fetchall())
    return [await store.read(queries.meters.one, 0, text) for (text,) in texts]
