"""The page of users: who may log in, with which role, and which programs have a token. For administrators alone.

A password made here is shown once and is good for one log-in: whoever uses it has to choose another. Nobody changes
the own role or disables the own account, so that one administrator is always left. Each change is in the audit log,
before it is made.
"""

import re
import secrets

from aiohttp import web

from ...office import accounts, roles
from ...web import access
from ...web.gate import fields

TOKEN_ROLES = ("reader", "operations", "installer")
TOKEN_DAYS = 365


class Wrong(ValueError):
    """What somebody asks for cannot be done; its text is of words.NB."""


class Page:
    """The page; `site` renders it."""

    def __init__(self, site):
        self.site, self.accounts, self.clock = site, site.accounts, site.clock

    async def users(self, request: web.Request) -> web.Response:
        """Every account and token."""
        return self._show(request)

    def _show(self, request, status=200, problem="", made=""):
        """`made`: (for whom, the password or token that is shown this once)."""
        return self.site.render(
            request, "users/users.html", status, people=self.accounts.people(), tokens=self.accounts.tokens(),
            roles=roles.ROLES[:4], token_roles=TOKEN_ROLES, problem=problem, made=made,
            name_pattern=accounts.NAME)

    async def change(self, request: web.Request) -> web.Response:
        """Make one change; a secret that is made is in the answer and nowhere else."""
        form = await fields(request)
        change = {"add": self._add, "password": self._password, "role": self._role, "disable": self._disable,
                  "enable": self._enable, "token": self._token, "end": self._end}.get(form.get("do", ""))
        try:
            if change is None:
                raise Wrong("There is no such change.")
            made = await change(access.who(request), form.get("name", "").strip(), form)
        except Wrong as e:
            return self._show(request, 400, problem=str(e))
        if made:
            return self._show(request, made=made)
        return web.Response(status=303, headers={"Location": "/users"})

    # --- changes; each notes itself before it is made

    async def _add(self, who, name, form):
        role = _one_of(form.get("role"), roles.STAFF)
        if not accounts.is_name(name):
            raise Wrong("A name is 1 to 64 of a-z, 0-9 and . _ @ -, a letter or digit first.")
        if any(p.name == name for p in self.accounts.people()):
            raise Wrong("There is one of this name already.")
        return await self._new_password(who, name, role, None, "account made")

    async def _password(self, who, name, form):
        person = self._other(who, name)
        return await self._new_password(who, name, person.role, person.home, "account changed")

    async def _new_password(self, who, name, role, home, what):
        await self._note(who, what, name, role)
        password = secrets.token_urlsafe(12)
        self.accounts.put(name, password, self.clock.seconds(), role, home, once=True)
        return name, password

    async def _role(self, who, name, form):
        role = _one_of(form.get("role"), roles.STAFF)
        if self._other(who, name).home is not None:
            raise Wrong("There is no such change.")
        await self._note(who, "account changed", name, role)
        self.accounts.set_role(name, role)

    async def _disable(self, who, name, form):
        self._other(who, name)
        await self._note(who, "account disabled", name)
        self.accounts.disable(name, self.clock.seconds())

    async def _enable(self, who, name, form):
        self._other(who, name)
        await self._note(who, "account enabled", name)
        self.accounts.disable(name, None)

    async def _token(self, who, name, form):
        role, days = _one_of(form.get("role"), TOKEN_ROLES), form.get("days", "")
        if not accounts.is_name(name):
            raise Wrong("A name is 1 to 64 of a-z, 0-9 and . _ @ -, a letter or digit first.")
        if any(token[0] == name for token in self.accounts.tokens()):
            raise Wrong("There is one of this name already.")
        if not re.fullmatch("[1-9][0-9]{0,3}", days) or int(days) > 3 * TOKEN_DAYS:
            raise Wrong("A token is good for 1 to 1095 days.")
        await self._note(who, "token made", name, role)
        return name, self.accounts.make_token(name, role, int(days), self.clock.seconds())

    async def _end(self, who, name, form):
        if not any(token[0] == name and token[4] is None for token in self.accounts.tokens()):
            raise Wrong("There is none of this name.")
        await self._note(who, "token ended", name)
        self.accounts.revoke_token(name, self.clock.seconds())

    def _other(self, who, name):
        """The account of a name that is not the own one."""
        if name == who.name:
            raise Wrong("The own account is changed by another administrator.")
        for person in self.accounts.people():
            if person.name == name:
                return person
        raise Wrong("There is none of this name.")

    async def _note(self, who, what, name, purpose=""):
        await self.accounts.audit.note(self.clock.seconds(), who, what, name, purpose=purpose)


def _one_of(text, those):
    if text not in those:
        raise Wrong("There is no such role.")
    return text
