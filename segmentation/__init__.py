"""The nouns that several stages share, with no Prefect: source, grid, model, store, command."""
