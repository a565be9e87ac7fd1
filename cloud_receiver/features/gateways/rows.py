"""Which gateways a list has: the revoked among `all` and `revoked` only."""


async def read(site, query, show, search, order, limit, offset):
    """What a query of the store's lists of gateways gives, with coverage and who is revoked."""
    revoked = tuple(site.revoked())
    return await site.store.read(
        query, site.clock.seconds(), show, search, order, limit, offset,
        () if show in ("all", "revoked") else revoked, revoked if show == "revoked" else None,
        await site.recent.coverage())
