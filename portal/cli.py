"""The command `portal`. A table of contents: each command is a module in portal/commands.

Nothing but click is imported until a command is asked for, so that `portal --help` is quick.
"""

from importlib import import_module
from typing import Any

import click

from portal.commands import COMMANDS


class Lazy(click.Group):
    """A group whose commands are imported when they are asked for; their help is in the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command. A module called `charge` holds a command called `command`."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"portal.commands.{cmd_name}").command
        command.name = cmd_name
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. One that fails says one sentence, and has an exit status for it (portal/exit_status.py)."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            from portal import exit_status

            if ctx.params["traceback"]:
                exit_status.show(error)
            raise exit_status.as_failed(error) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--traceback", is_flag=True, help="Show the whole of an error, for whoever mends it.")
@click.version_option(package_name="portal", message="portal %(version)s")
def main(traceback: bool) -> None:
    """The portal: packages, what they charge, and why."""


if __name__ == "__main__":
    main()
