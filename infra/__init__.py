"""Operations: the command line, the embedded services, child processes, migrations, topics."""
