"""Prints `kafka_jars.json` anew, after a change of version.

``python -m infra.stack.pin_jars > new.json && mv new.json infra/stack/kafka_jars.json``
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jgo.maven import Dependency, MavenContext

from infra.stack.versions import KAFKA, SLF4J

_ROOTS = (("org.apache.kafka", "kafka_2.13", KAFKA), ("org.slf4j", "slf4j-simple", SLF4J))


def resolve() -> Iterator[tuple[str, str]]:
    """Every jar that Kafka needs at run time, by jgo's resolver: its coordinate and its SHA-256."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(6) as pool:
        context = MavenContext(repo_cache=Path(folder), local_repos=[], timeout=30)
        roots = [
            context.project(group, name).at_version(version).artifact() for group, name, version in _ROOTS
        ]
        inputs, transitive = context.resolver.resolve([Dependency(root, scope="compile") for root in roots])
        needed = [*inputs, *(dep for dep in transitive if dep.scope in ("compile", "runtime"))]
        files = pool.map(lambda dep: dep.artifact.resolve(), needed)
        for dependency, file in zip(needed, files, strict=True):
            artifact = dependency.artifact
            coordinate = f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
            yield coordinate, hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    json.dump(dict(sorted(resolve())), sys.stdout, indent=2)
    sys.stdout.write("\n")
