"""What several stages share, with no Prefect: rows, features, k, identity, store, pages, commands."""
