"""Take in files: rated call records (import_calls), DIDs (import_dids), bank statements (import_statement), and what
one moves in with (import_moves).

And take them back: an import of calls (import_undo), one of the page Import (import_moves).
"""

import click

from portal.commands import import_calls, import_dids, import_moves, import_statement, import_undo


@click.group()
def command() -> None:
    """Import files."""


command.add_command(import_calls.calls)
command.add_command(import_dids.dids)
command.add_command(import_statement.statement)
command.add_command(import_undo.undo)
for move in (*import_moves.COMMANDS, import_moves.go_on, import_moves.take_back):
    command.add_command(move)
