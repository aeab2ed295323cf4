"""The database: schema, migrations, and the statements over them. One connection owns the SQLite file."""
