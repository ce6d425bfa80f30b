"""``wenbao keys``: sites, their keys, and API tokens. Works beside a running server, which sees each change at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast, get_args

import click

from qa.access import Access, Credential, Scope, Site, SiteLimits, read_origin
from qa.cli.options import Command, settings, with_settings
from qa.cli.show import printable
from qa.errors import UsageError
from qa.filters import Filters
from qa.web.snippet import frame_tag, script_tag


@contextmanager
def _access() -> Iterator[Access]:
    opened = Access(settings().data)
    try:
        yield opened
    finally:
        opened.close()


def _address_option(command: Command) -> Command:
    option = click.option(
        "--address", metavar="URL", help="Where browsers reach this server, with http:// or https://."
    )
    return cast("Callable[[Command], Command]", option)(command)


@click.group(invoke_without_command=True)
@with_settings
@click.pass_context
def keys(context: click.Context) -> None:
    """Say who may ask from where: sites that show the widget, their keys, and tokens for programs."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@keys.command("list")
@with_settings
def list_() -> None:
    """List sites, keys and tokens; what is revoked is said to be."""
    with _access() as access:
        sites, credentials = access.sites(), access.credentials()
    for site in sites:
        click.echo(f"site {_shown_site(site)}")
        for credential in credentials:
            if credential.site == site.name:
                click.echo(f"  key {_shown_credential(credential)}")
    for credential in credentials:
        if credential.site is None:
            click.echo(f"token {_shown_credential(credential)} · {printable(credential.name)}")
    if not sites and not credentials:
        click.echo("No sites and no tokens yet: see `wenbao keys site add --help` and `wenbao keys make --help`.")


@keys.command("make")
@click.argument("name", required=False)
@click.option("--scope", "scopes", multiple=True, type=click.Choice(get_args(Scope)), help="What a token may do.")
@click.option("--site", metavar="SITE", help="Make one more key of this site instead of a token.")
@_address_option
@with_settings
def make(name: str | None, scopes: tuple[str, ...], site: str | None, address: str | None) -> None:
    """Make an API token called NAME, or with --site a site's key. It is shown this once."""
    if (name is None) == (site is None):
        raise UsageError("USAGE", "Give a token's NAME, or a --site to make a key for.")
    if (site is None) != bool(scopes):
        raise UsageError("USAGE", "A token needs a --scope: ask, batch or admin; a site's key has none to choose.")
    server = _server(address)
    with _access() as access:
        if site is not None:
            _show_site_key(access, site, server)
        elif name is not None:
            secret, made = access.make_token(name, cast("tuple[Scope, ...]", scopes))
            click.echo(secret)
            click.echo(f"Token {made.id}, shown this once. Send it as: Authorization: Bearer {made.begins}…", err=True)


@keys.command("revoke")
@click.argument("number", type=int)
@with_settings
def revoke(number: int) -> None:
    """Close the key or token of that NUMBER, at once and for good."""
    with _access() as access:
        credential = access.revoke(number)
    click.echo(f"Revoked: {_shown_credential(credential)}")


@keys.group("site")
def site_group() -> None:
    """Add, change and remove sites."""


def _site_options(command: Command) -> Command:
    for option in (
        click.option("--log-questions/--no-log-questions", default=None, help="Keep what visitors ask for review?"),
        click.option("--url-template", metavar="URL", help="Where citations lead, with {id} {start} {end} {file}."),
        click.option("--until", metavar="DAY", help="Only articles up to this day, month or year."),
        click.option("--since", metavar="DAY", help="Only articles from this day, month or year on."),
        click.option("--article", "articles", multiple=True, type=int, metavar="ID", help="Only this article."),
        click.option("--file", "-f", "files", multiple=True, metavar="NAME", help="Only this file, folder/, pattern."),
        click.option("--origin", "origins", multiple=True, metavar="URL", help="Where pages may ask from; repeatable."),
    ):
        command = cast("Callable[[Command], Command]", option)(command)
    return command


@site_group.command("add")
@click.argument("name")
@_site_options
@_address_option
@with_settings
def add(name: str, origins: tuple[str, ...], address: str | None, **limits: Any) -> None:
    """Add the site NAME, and show its key and the line for its pages. Without --origin it is switched off."""
    server = _server(address)
    with _access() as access:
        site = access.add_site(name, origins, _limits(SiteLimits(), limits))
        click.echo(f"site {_shown_site(site)}", err=True)
        _show_site_key(access, name, server)


@site_group.command("set")
@click.argument("name")
@_site_options
@click.option("--off", is_flag=True, help="No origin may ask any more.")
@click.option("--unlimited", is_flag=True, help="The whole corpus, before what --file and the others say.")
@with_settings
def change(name: str, origins: tuple[str, ...], off: bool, unlimited: bool, **limits: Any) -> None:
    """Change the site NAME: what is given replaces what was, the rest stays."""
    if off and origins:
        raise UsageError("USAGE", "Give either --origin or --off.")
    with _access() as access:
        before = access.site(name).limits
        if unlimited:
            before = SiteLimits(url_template=before.url_template, logs_questions=before.logs_questions)
        site = access.change_site(name, origins=() if off else origins or None, limits=_limits(before, limits))
    click.echo(f"site {_shown_site(site)}")


@site_group.command("remove")
@click.argument("name")
@with_settings
def remove(name: str) -> None:
    """Remove the site NAME with its keys."""
    with _access() as access:
        access.remove_site(name)
    click.echo(f"Removed: {printable(name)}")


def _limits(before: SiteLimits, given: dict[str, Any]) -> SiteLimits:
    """``before`` with what was given; an empty text takes a day or the address away."""
    wanted = {name: given[name] for name in ("files", "articles", "since", "until") if given[name] not in {None, ()}}
    filters = {name: value for name, value in {**before.filters.json(), **wanted}.items() if value != ""}
    template = before.url_template if given["url_template"] is None else given["url_template"] or None
    logs = before.logs_questions if given["log_questions"] is None else given["log_questions"]
    return SiteLimits(Filters.read(filters), template, logs)


def _server(address: str | None) -> str:
    own = settings()
    host = f"[{own.host}]" if ":" in own.host else own.host
    return read_origin(address) if address else f"http://{host}:{own.port}"


def _show_site_key(access: Access, site: str, server: str) -> None:
    secret, made = access.make_site_key(site)
    click.echo(script_tag(server, secret))
    click.echo(
        f"Key {made.id}, shown this once. The line above goes into the site's pages; where scripts of others are "
        f"forbidden, this one: {frame_tag(server, secret)}",
        err=True,
    )
    click.echo(f"Browsers must reach this server at {server}; --address says another one.", err=True)
    click.echo(f"What would keep a page from showing it: {server}/embed/check", err=True)


def _shown_site(site: Site) -> str:
    parts = [", ".join(site.origins) or "off: no origin"]
    parts += [f"{key} {value}" for key, value in site.limits.filters.json().items()]
    parts += [f"citations lead to {site.limits.url_template}"] if site.limits.url_template else []
    parts += ["questions are logged"] if site.limits.logs_questions else []
    return printable(f"{site.name}: {' · '.join(parts)}")


def _shown_credential(credential: Credential) -> str:
    state = f"revoked {credential.revoked}" if credential.revoked else f"last used {credential.last_used or 'never'}"
    scopes = ", ".join(sorted(credential.scopes))
    return f"{credential.id}: {credential.begins}… · {scopes} · made {credential.made} · {state}"
