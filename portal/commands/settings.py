"""Show every setting: the table in docs/configuration.md is this command's answer."""

import click


@click.command()
def command() -> None:
    """Show every setting, its default and its unit."""
    from portal.config import as_markdown

    click.echo(as_markdown())
