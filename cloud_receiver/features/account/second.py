"""The page of one's own second factor: set it up, get new recovery codes, end it. Each change takes a code."""

from aiohttp import web

from ...office.second_factor import address_of, text_of
from ...web import access, qr
from ...web.gate import fields
from ...web.words import N_
from .limits import Limits


class Second:
    """The page; `site` renders it."""

    def __init__(self, site):
        self.site, self.clock, self.accounts = site, site.clock, site.accounts

    @property
    def _limits(self) -> Limits:
        return self.site.answering("account", "page").limits

    async def page(self, request: web.Request) -> web.Response:
        """Whether there is one, or what to set one up with."""
        return self._show(request)

    def _show(self, request, status=200, problem="", wait=0, codes=()):
        who, second = access.who(request), self.accounts.second
        if who.via != "session":
            raise web.HTTPForbidden
        has, secret, address = second.has(who.name), b"", ""
        if not has:
            secret = second.begin(who.name)
            address = address_of(secret, who.name, self.site.settings.works, qr.MOST)
        return self.site.render(
            request, "account/second.html", status, problem=problem, wait=wait, codes=codes, active=has,
            left=second.codes_left(who.name), required=second.required() and who.role == "administrator",
            secret=" ".join(text_of(secret)[n:n + 4] for n in range(0, 32, 4)), address=address,
            picture=qr.path(address.encode()) if address else "", side=qr.SIDE)

    async def change(self, request: web.Request) -> web.Response:
        """Make one change, noted before it is."""
        who, form, second = access.who(request), await fields(request), self.accounts.second
        if who.via != "session":
            raise web.HTTPForbidden
        do, code, now, has = form.get("do", ""), form.get("code", "")[:40], self.clock.seconds(), second.has(who.name)
        wait = self._limits.codes.wait(who.name)
        if wait:
            return self._show(request, 429, wait=wait)
        self._limits.codes.failed(who.name)
        codes: "list[str] | None" = []
        if do == "confirm" and not has:
            codes = second.confirm(who.name, "".join(code.split()), now)
            right = codes is not None
        elif do in ("codes", "end") and has:
            right = second.check(who.name, code, now) is not None
        else:
            return self._show(request, 400, problem=N_("There is no such change."))
        if not right:
            return self._show(request, 403, problem=N_("The code is wrong, or was used before."))
        self._limits.codes.succeeded(who.name)
        if do == "end" and second.required() and who.role == "administrator":
            return self._show(request, 400, problem=N_("This works asks administrators for a second factor."))
        what = {"confirm": "second factor set up", "codes": "recovery codes made", "end": "second factor ended"}[do]
        await self.accounts.audit.note(now, who, what, who.name)
        if do == "codes":
            codes = second.new_codes(who.name)
        elif do == "end":
            second.remove(who.name)
            return web.Response(status=303, headers={"Location": "/account"})
        return self._show(request, codes=codes or ())
