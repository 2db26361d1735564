"""`spendlog topics`: the registry of schemas.topics against the cluster."""

from dataclasses import asdict
from typing import Annotated

import typer

from infra import topics
from infra.output import AsJson, print_json
from infra.stack_settings import required_kafka

app = typer.Typer(no_args_is_help=True, help="Declare the topics in Kafka.")

Partitions = Annotated[
    int, typer.Option(min=1, max=1024, help="Partitions of each topic; fixed once events are there.")
]


@app.command()
def diff(partitions: Partitions = topics.PARTITIONS, as_json: AsJson = False) -> None:
    """Show what differs; status 1 if anything does."""
    differences = topics.diff(required_kafka(), partitions)
    if as_json:
        print_json({"differences": [asdict(one) for one in differences]})
    else:
        for difference in differences:
            typer.echo(str(difference))
        typer.echo(f"{len(differences)} differences")
    raise typer.Exit(1 if differences else 0)


@app.command()
def apply(
    partitions: Partitions = topics.PARTITIONS,
    replication: Annotated[int, typer.Option(min=1, max=9, help="Replicas; 3 in production.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Create and configure what differs."""
    changed = topics.apply(required_kafka(), partitions, replication)
    if as_json:
        print_json({"changed": [asdict(one) for one in changed]})
        return
    for difference in changed:
        typer.echo(f"changed: {difference}")
    typer.echo(f"{len(changed)} changed")
