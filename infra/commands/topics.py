"""`spendlog topics`: the registry of schemas.topics against the cluster."""

from typing import Annotated

import typer

from infra import topics
from infra.errors import SettingError
from infra.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Declare the topics in Kafka.")

Partitions = Annotated[
    int, typer.Option(min=1, max=1024, help="Partitions of each topic; fixed once events are there.")
]


def _kafka() -> str:
    kafka = load_settings().kafka
    if kafka is None:
        raise SettingError(
            "setting SPENDLOG_KAFKA is missing: the bootstrap servers, for example 127.0.0.1:9092"
        )
    return kafka


@app.command()
def diff(partitions: Partitions = topics.PARTITIONS) -> None:
    """Show what differs; status 1 if anything does."""
    differences = topics.diff(_kafka(), partitions)
    for difference in differences:
        typer.echo(str(difference))
    typer.echo(f"{len(differences)} differences")
    raise typer.Exit(1 if differences else 0)


@app.command()
def apply(
    partitions: Partitions = topics.PARTITIONS,
    replication: Annotated[int, typer.Option(min=1, max=9, help="Replicas; 3 in production.")] = 1,
) -> None:
    """Create and configure what differs."""
    changed = topics.apply(_kafka(), partitions, replication)
    for difference in changed:
        typer.echo(f"changed: {difference}")
    typer.echo(f"{len(changed)} changed")
