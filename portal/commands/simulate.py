"""`portal simulate`: what a scenario would be charged, through the services, in a throwaway database."""

import json
import sys
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("scenario", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def command(scenario: Path) -> None:
    """Answer what SCENARIO (a JSON object, or an array of them) would be charged, and why.

    The form of a scenario is described in docs/scenarios.md. One that cannot be is refused with a
    sentence that names the place in the file, and exit status 2.
    """
    from portal.services.scenarios.reading import ScenarioRefused, parse

    try:
        asked = parse(scenario.read_text(encoding="utf-8"))
        answer = _answers(asked) if isinstance(asked, list) else _answers([asked], named=False)[0]
    except (ScenarioRefused, UnicodeDecodeError) as error:
        click.echo(f"{scenario.name}: {error}", err=True)
        sys.exit(2)
    json.dump(answer, sys.stdout, indent=1, ensure_ascii=False)
    click.echo()


def _answers(scenarios: list[Any], *, named: bool = True) -> list[Any]:
    """An answer for each scenario, each from an empty database in memory."""

    from portal import create_app
    from portal.extensions import db
    from portal.services.scenarios.simulating import simulate

    app = create_app({"SQLALCHEMY_DATABASE_URI": "sqlite://", "TODAY": ""})
    answers = []
    with app.app_context():
        for index, scenario in enumerate(scenarios):
            db.create_all()
            try:
                answers.append(simulate(scenario, f"[{index}]" if named else ""))
            finally:
                db.session.remove()
                db.drop_all()
    return answers
